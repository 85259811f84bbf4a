/** The constraints of a JSON Schema in words. */

/**
 * A phrase for each constraint.
 * @param {Record<string, any>} schema
 * @returns {string[]}
 */
export function notes(schema) {
  return [
    range(schema.minLength, schema.maxLength, 'character'),
    numbers(schema),
    schema.multipleOf !== undefined && `a multiple of ${schema.multipleOf}`,
    schema.pattern !== undefined && `matches ${schema.pattern}`,
    range(schema.minItems, schema.maxItems, 'item'),
    schema.uniqueItems && 'no item twice',
    schema.items === false && schema.prefixItems && 'no further items',
    range(schema.minProperties, schema.maxProperties, 'property', 'properties'),
    schema.additionalProperties === false && 'no other properties',
    schema.contentEncoding && `encoded as ${schema.contentEncoding}`,
    schema.default !== undefined && `default ${JSON.stringify(schema.default)}`,
    schema.readOnly && 'only in answers',
    schema.writeOnly && 'only in requests',
  ].filter((note) => typeof note === 'string');
}

/**
 * @param {number | undefined} least
 * @param {number | undefined} most
 * @param {string} one
 * @param {string} [many]
 */
function range(least, most, one, many = `${one}s`) {
  const word = (/** @type {number} */ count) => (count === 1 ? one : many);
  if (least !== undefined && most !== undefined) {
    return least === most ? `exactly ${least} ${word(least)}` : `${least} to ${most} ${word(most)}`;
  }
  if (least !== undefined) return `at least ${least} ${word(least)}`;
  return most !== undefined && `at most ${most} ${word(most)}`;
}

/** @param {Record<string, any>} schema */
function numbers({ minimum, maximum, exclusiveMinimum: above, exclusiveMaximum: below }) {
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
  const bounds = [
    minimum !== undefined && `at least ${minimum}`,
    above !== undefined && `more than ${above}`,
    maximum !== undefined && `at most ${maximum}`,
    below !== undefined && `less than ${below}`,
  ].filter(Boolean);
  return bounds.length > 0 && bounds.join(', ');
}
