/*
 * Reads JSON where it lies: members of objects, texts, and numbers. What comes from the gateway is well-formed; what is not does no
 * harm here. Values are slices of the text that they stand in.
 */
#ifndef JSON_H
#define JSON_H

#include <stdio.h>
#include <string.h>

#include "tidegate_plugin.h"

static inline const char *json_skip_space(const char *p, const char *end) {
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r' || *p == ',' || *p == ':')) p++;
    return p;
}

/* Past the value that begins at p. */
static inline const char *json_skip(const char *p, const char *end) {
    int depth = 0;
    do {
        if (p < end && *p == '"') {
            for (p++; p < end && *p != '"'; p++)
                if (*p == '\\' && p + 1 < end) p++;
            if (p < end) p++;
        } else {
            if (p < end && (*p == '{' || *p == '[')) depth++;
            if (p < end && (*p == '}' || *p == ']')) depth--;
            if (p < end) p++;
            if (depth == 0 && p < end && p[-1] != '}' && p[-1] != ']')
                while (p < end && !strchr(",:]} \t\r\n", *p)) p++;
        }
    } while (depth > 0 && p < end);
    return p;
}

/* The value of an object's member; empty where it has none. */
static inline tg_str json_member(tg_str object, const char *name) {
    const char *p = json_skip_space(object.ptr, object.ptr + object.len), *end = object.ptr + object.len;
    tg_str key, value = {NULL, 0}, none = {NULL, 0};
    if (p == end || *p != '{') return none;
    for (p = json_skip_space(p + 1, end); p < end && *p == '"'; p = json_skip_space(p, end)) {
        key.ptr = p + 1;
        p = json_skip(p, end);
        key.len = (uint64_t)(p - key.ptr - 1);
        value.ptr = json_skip_space(p, end);
        p = json_skip(value.ptr, end);
        value.len = (uint64_t)(p - value.ptr);
        if (tg_str_eq(key, tg_text(name))) return value;
    }
    return none;
}

/* What is between the quotes of a text, escapes and all; empty where it is none. */
static inline tg_str json_inside(tg_str text) {
    tg_str inside = {NULL, 0};
    if (text.len < 2 || text.ptr[0] != '"') return inside;
    inside.ptr = text.ptr + 1;
    inside.len = text.len - 2;
    return inside;
}

/* Four digits of a \u escape. */
static inline unsigned json_hex(const char *p, const char *end) {
    unsigned code = 0;
    int i;
    for (i = 0; i < 4 && p < end; i++, p++)
        code = code * 16 + (unsigned)(*p <= '9' ? *p - '0' : (*p | 32) - 'a' + 10);
    return code;
}

/* Writes a code point as UTF-8; how many bytes. */
static inline int json_utf8(unsigned code, char *out) {
    if (code < 0x80) return out[0] = (char)code, 1;
    if (code < 0x800) return out[0] = (char)(0xc0 | code >> 6), out[1] = (char)(0x80 | (code & 63)), 2;
    if (code < 0x10000)
        return out[0] = (char)(0xe0 | code >> 12), out[1] = (char)(0x80 | (code >> 6 & 63)),
               out[2] = (char)(0x80 | (code & 63)), 3;
    return out[0] = (char)(0xf0 | code >> 18), out[1] = (char)(0x80 | (code >> 12 & 63)),
           out[2] = (char)(0x80 | (code >> 6 & 63)), out[3] = (char)(0x80 | (code & 63)), 4;
}

/* A text without quotes and escapes, closed with a zero and cut to fit; `otherwise` where it is none. */
static inline void json_text(tg_str text, const char *otherwise, char *out, size_t size) {
    tg_str inside = json_inside(text);
    const char *p = inside.ptr, *end = inside.ptr + inside.len;
    size_t len = 0;
    if (text.len < 2 || text.ptr[0] != '"') {
        snprintf(out, size, "%s", otherwise);
        return;
    }
    while (p < end && len + 5 <= size) {
        static const char FROM[] = "bfnrt", TO[] = "\b\f\n\r\t";
        const char *escape;
        unsigned code;
        if (*p != '\\' || p + 1 >= end) {
            out[len++] = *p++;
            continue;
        }
        escape = strchr(FROM, p[1]);
        p += 2;
        if (p[-1] != 'u') {
            out[len++] = escape ? TO[escape - FROM] : p[-1];
            continue;
        }
        code = json_hex(p, end);
        p += end - p < 4 ? end - p : 4;
        if (code >= 0xd800 && code < 0xdc00 && end - p >= 6) { /* the first half of a pair */
            code = 0x10000 + ((code - 0xd800) << 10) + (json_hex(p + 2, end) - 0xdc00);
            p += 6;
        }
        len += (size_t)json_utf8(code, out + len);
    }
    out[len] = 0;
}

/* A whole number that is not negative; `otherwise` where it is none. */
static inline uint64_t json_count(tg_str number, uint64_t otherwise) {
    uint64_t i, count = 0;
    for (i = 0; i < number.len; i++) {
        if (number.ptr[i] < '0' || number.ptr[i] > '9') return otherwise;
        count = count * 10 + (uint64_t)(number.ptr[i] - '0');
    }
    return number.len ? count : otherwise;
}

/* A text in quotes, with escapes: at most six bytes for each of its own, and three. */
static inline void json_quote(const char *text, char *out, size_t size) {
    size_t len = 0;
    out[len++] = '"';
    for (; *text && len + 8 <= size; text++) {
        if (*text == '"' || *text == '\\') {
            out[len++] = '\\';
            out[len++] = *text;
        } else if ((unsigned char)*text < 0x20) {
            len += (size_t)sprintf(out + len, "\\u%04x", (unsigned)*text);
        } else {
            out[len++] = *text;
        }
    }
    out[len++] = '"';
    out[len] = 0;
}

#endif /* JSON_H */
