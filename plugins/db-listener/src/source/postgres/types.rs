//! What the numbers of types stand for: the built-in ones by heart, others by the catalogue.

use std::collections::HashMap;
use std::sync::Arc;

use super::refusal::Trouble;
use super::value::Type;
use super::wire::{Connection, Row};

/// The types that are known.
#[derive(Debug, Default)]
pub struct Types {
    learnt: HashMap<u32, Type>,
}

/// How deep types are looked into: a composite's array's composite …
const DEPTH: usize = 16;

/// A type as the catalogue has it.
struct Described {
    /// `c` of composite types, `d` of domains; of arrays, `b` with the category `A`.
    kind: String,
    array: bool,
    of: u32,
    base: u32,
    delimiter: u8,
    fields: Vec<(String, u32)>,
}

/// Vectors of the catalogue, `int2vector` and `oidvector`: they look like arrays, and are not written as such.
pub(super) const VECTORS: [u32; 2] = [22, 30];

/// The types with these numbers and all that they are made of.
const QUERY: &str = "with recursive wanted(oid) as (
  select unnest(array[OIDS]::oid[])
  union
  select part from wanted join pg_type t using (oid), lateral (
    select t.typelem union all select t.typbasetype union all
    select atttypid from pg_attribute where attrelid = t.typrelid and t.typrelid <> 0 and attnum > 0 and not attisdropped
  ) parts(part) where part <> 0
)
select t.oid, t.typtype, t.typcategory = 'A' and t.typlen = -1 and t.oid not in (22, 30), t.typelem, t.typbasetype, t.typdelim,
  (select json_agg(json_build_array(attname, atttypid::int8) order by attnum) from pg_attribute
    where attrelid = t.typrelid and t.typrelid <> 0 and attnum > 0 and not attisdropped)
from wanted join pg_type t using (oid)";

impl Types {
    /// A type that is known.
    pub fn get(&self, oid: u32) -> Option<Type> {
        built_in(oid).or_else(|| self.learnt.get(&oid).cloned())
    }

    /// Those of some numbers that have to be learnt first.
    pub fn unknown(&self, oids: impl IntoIterator<Item = u32>) -> Vec<u32> {
        oids.into_iter().filter(|oid| built_in(*oid).is_none() && !self.learnt.contains_key(oid)).collect()
    }

    /// Learns types. One that is there no more is text.
    pub async fn learn(&mut self, connection: &mut Connection, oids: &[u32]) -> Result<(), Trouble> {
        let list: Vec<String> = oids.iter().map(u32::to_string).collect();
        let rows = connection.query(&QUERY.replace("OIDS", &list.join(","))).await?;
        let described: HashMap<u32, Described> = rows.iter().filter_map(described).collect();
        for oid in oids {
            let learnt = self.build(*oid, &described, DEPTH);
            self.learnt.insert(*oid, learnt);
        }
        Ok(())
    }

    fn build(&self, oid: u32, described: &HashMap<u32, Described>, depth: usize) -> Type {
        if let Some(known) = built_in(oid) {
            return known;
        }
        let (Some(of), Some(depth)) = (described.get(&oid), depth.checked_sub(1)) else { return Type::Text };
        match of.kind.as_str() {
            "d" => self.build(of.base, described, depth),
            "c" => {
                let fields = of.fields.iter();
                let built = fields.map(|(name, kind)| (name.clone(), self.build(*kind, described, depth)));
                Type::Composite(Arc::new(built.collect()))
            }
            _ if of.array => {
                Type::Array { of: Arc::new(self.build(of.of, described, depth)), delimiter: of.delimiter }
            }
            _ => Type::Text,
        }
    }
}

fn described(row: &Row) -> Option<(u32, Described)> {
    let text = |at: usize| row.get(at)?.as_deref();
    let number = |at: usize| text(at)?.parse::<u32>().ok();
    let fields = text(6).map(|fields| serde_json::from_str(fields).unwrap_or_default());
    let described = Described {
        kind: text(1)?.to_owned(),
        array: text(2)? == "t",
        of: number(3)?,
        base: number(4)?,
        delimiter: *text(5)?.as_bytes().first()?,
        fields: fields.unwrap_or_default(),
    };
    Some((number(0)?, described))
}

/// Types that every database has under the same number.
pub(super) fn built_in(oid: u32) -> Option<Type> {
    Some(match oid {
        16 => Type::Bool,
        17 => Type::Bytes,
        20 | 21 | 23 | 26 => Type::Integer,
        700 | 701 => Type::Float,
        1700 => Type::Numeric,
        114 | 3802 => Type::Json,
        1114 => Type::Timestamp,
        1184 => Type::Moment,
        1266 => Type::Time,
        // "char", name, text, bpchar, varchar, date, time, interval, uuid, money, xml, inet, cidr, macaddr, macaddr8, bit, varbit, point
        18 | 19 | 25 | 1042 | 1043 | 1082 | 1083 | 1186 | 2950 | 790 | 142 | 869 | 650 | 829 | 774 | 1560
        | 1562 | 600 => Type::Text,
        _ => return None,
    })
}
