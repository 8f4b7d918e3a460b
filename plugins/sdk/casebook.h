/*
 * For plugins of Casebook in C: one header, no library. The interface is described in docs/plugins.md.
 *
 * A plugin defines its description and one function:
 *
 *     #include "casebook.h"
 *     #include "description.h"
 *     CASEBOOK_PLUGIN(DESCRIPTION)
 *
 *     void grade(cb_json call) {
 *         cb_text text;
 *         if (!cb_string(cb_get(cb_get(call, "decision"), "reply"), &text)) { cb_refuse("there is no reply"); return; }
 *         cb_value(text.length < 100 ? 1 : 0);
 *     }
 *
 * One that offers fillers, tools or importers says CASEBOOK_DESCRIPTION(DESCRIPTION) and a line such as
 * CASEBOOK_ANSWERS(fill, make) for each operation; a value is written with cb_put("\"value\":") and what it is.
 *
 * Memory is never given back: every call has an instance of its own.
 */
#ifndef CASEBOOK_H
#define CASEBOOK_H

typedef unsigned int cb_size;
typedef unsigned long long cb_place;

/* JSON as it was written; `at` is 0 for what is not there. */
typedef struct { const char *at; cb_size length; } cb_json;
/* A text, decoded, as UTF-8. */
typedef struct { const char *at; cb_size length; } cb_text;

#define CB_EXPORT(name) __attribute__((export_name(name)))

/* ---- memory ---- */

extern unsigned char __heap_base;
static cb_size cb_top;

static void *cb_room(cb_size length) {
    if (!cb_top) cb_top = ((cb_size)&__heap_base + 7) & ~7u;
    cb_size at = cb_top, end = at + ((length + 7) & ~7u);
    if (end < at) __builtin_trap();
    cb_size have = (cb_size)__builtin_wasm_memory_size(0) << 16;
    if (end > have && __builtin_wasm_memory_grow(0, (end - have + 65535) >> 16) == (cb_size)-1) __builtin_trap();
    cb_top = end;
    return (void *)at;
}

void *memcpy(void *to, const void *from, cb_size length) {
    for (cb_size i = 0; i < length; i++) ((volatile char *)to)[i] = ((const char *)from)[i];
    return to;
}

static cb_size cb_length(const char *text) {
    cb_size length = 0;
    while (text[length]) length++;
    return length;
}

static int cb_same(const char *at, cb_size length, const char *text) {
    for (cb_size i = 0; i < length; i++) if (!text[i] || at[i] != text[i]) return 0;
    return text[length] == 0;
}

/* ---- reading JSON; what comes from the host is well formed ---- */

static const char *cb_blank(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')) at++;
    return at;
}

/* The end of the value that begins here. */
static const char *cb_skip(const char *at, const char *end) {
    int depth = 0;
    while (at < end) {
        char c = *at;
        if (c == '"') {
            for (at++; at < end && *at != '"'; at++) if (*at == '\\') at++;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth == 0) return at;
            depth--;
        } else if ((c == ',' || c == ':') && depth == 0) {
            return at;
        }
        at++;
        if (depth == 0 && (c == '"' || c == '}' || c == ']')) return at;
    }
    return end;
}

/* The value of a key of a map. */
static cb_json cb_get(cb_json map, const char *key) {
    cb_json none = {0, 0};
    if (!map.at || !map.length || *map.at != '{') return none;
    const char *at = map.at + 1, *end = map.at + map.length;
    for (;;) {
        at = cb_blank(at, end);
        if (at >= end || *at != '"') return none;
        const char *name = at + 1;
        at = cb_skip(at, end);
        cb_size length = (cb_size)(at - name) - 1;
        at = cb_blank(at, end);
        if (at >= end || *at != ':') return none;
        at = cb_blank(at + 1, end);
        const char *value = at;
        at = cb_skip(at, end);
        if (cb_same(name, length, key)) {
            const char *last = at;
            while (last > value && (last[-1] == ' ' || last[-1] == '\n')) last--;
            cb_json found = {value, (cb_size)(last - value)};
            return found;
        }
        at = cb_blank(at, end);
        if (at >= end || *at != ',') return none;
        at++;
    }
}

/* The entry of a list at a position; not there behind its end. */
static cb_json cb_entry(cb_json list, cb_size position) {
    cb_json none = {0, 0};
    if (!list.at || !list.length || *list.at != '[') return none;
    const char *at = cb_blank(list.at + 1, list.at + list.length), *end = list.at + list.length;
    while (at < end && *at != ']') {
        const char *value = at;
        at = cb_skip(at, end);
        if (position-- == 0) { cb_json found = {value, (cb_size)(at - value)}; return found; }
        at = cb_blank(at, end);
        if (at < end && *at == ',') at = cb_blank(at + 1, end);
    }
    return none;
}

static unsigned cb_hex(const char *at) {
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        value = value << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    return value;
}

/* Decodes a text; 0 when the value is none. */
static int cb_string(cb_json json, cb_text *text) {
    if (!json.at || json.length < 2 || *json.at != '"') return 0;
    char *out = cb_room(json.length), *to = out;
    const char *at = json.at + 1, *end = json.at + json.length - 1;
    while (at < end) {
        if (*at != '\\') { *to++ = *at++; continue; }
        char c = at[1];
        at += 2;
        if (c != 'u') {
            *to++ = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == 'b' ? '\b' : c == 'f' ? '\f' : c;
            continue;
        }
        unsigned code = cb_hex(at);
        at += 4;
        if (code >= 0xd800 && code < 0xdc00 && at + 6 <= end && at[0] == '\\' && at[1] == 'u') {
            code = 0x10000 + ((code - 0xd800) << 10) + (cb_hex(at + 2) - 0xdc00);
            at += 6;
        }
        if (code < 0x80) {
            *to++ = (char)code;
        } else if (code < 0x800) {
            *to++ = (char)(0xc0 | code >> 6);
            *to++ = (char)(0x80 | (code & 63));
        } else if (code < 0x10000) {
            *to++ = (char)(0xe0 | code >> 12);
            *to++ = (char)(0x80 | (code >> 6 & 63));
            *to++ = (char)(0x80 | (code & 63));
        } else {
            *to++ = (char)(0xf0 | code >> 18);
            *to++ = (char)(0x80 | (code >> 12 & 63));
            *to++ = (char)(0x80 | (code >> 6 & 63));
            *to++ = (char)(0x80 | (code & 63));
        }
    }
    text->at = out;
    text->length = (cb_size)(to - out);
    return 1;
}

/* Reads a number; 0 when the value is none. Exact for up to 15 digits. */
static int cb_number(cb_json json, double *number) {
    const char *at = json.at, *end = json.at + json.length;
    if (!at || at == end || !(*at == '-' || (*at >= '0' && *at <= '9'))) return 0;
    int negative = *at == '-', scale = 0;
    double value = 0;
    for (at += negative; at < end && *at >= '0' && *at <= '9'; at++) value = value * 10 + (*at - '0');
    if (at < end && *at == '.')
        for (at++; at < end && *at >= '0' && *at <= '9'; at++, scale--) value = value * 10 + (*at - '0');
    if (at < end && (*at | 32) == 'e') {
        int minus = at[1] == '-', power = 0;
        for (at += at[1] == '-' || at[1] == '+' ? 2 : 1; at < end && power < 400; at++) power = power * 10 + (*at - '0');
        scale += minus ? -power : power;
    }
    double ten = 1;
    for (int i = scale < 0 ? -scale : scale; i > 0; i--) ten *= 10;
    value = scale < 0 ? value / ten : value * ten;
    *number = negative ? -value : value;
    return 1;
}

/* ---- writing the answer ---- */

static char *cb_out, *cb_out_end, *cb_out_top;

static void cb_byte(char byte) {
    if (cb_out_end == cb_out_top) {
        cb_size have = (cb_size)(cb_out_end - cb_out);
        char *more = cb_room(have * 2 + 256);
        memcpy(more, cb_out, have);
        cb_out = more;
        cb_out_end = more + have;
        cb_out_top = more + have * 2 + 256;
    }
    *cb_out_end++ = byte;
}

static void cb_put(const char *text) {
    while (*text) cb_byte(*text++);
}

/* Writes a text between quotes. */
static void cb_put_string(const char *at, cb_size length) {
    cb_byte('"');
    for (cb_size i = 0; i < length; i++) {
        unsigned char c = (unsigned char)at[i];
        if (c == '"' || c == '\\') {
            cb_byte('\\');
            cb_byte((char)c);
        } else if (c < 32) {
            cb_put("\\u00");
            cb_byte("0123456789abcdef"[c >> 4]);
            cb_byte("0123456789abcdef"[c & 15]);
        } else {
            cb_byte((char)c);
        }
    }
    cb_byte('"');
}

/* Writes a number below 10^15 with up to twelve decimals. */
static void cb_put_number(double number) {
    if (number < 0) { cb_byte('-'); number = -number; }
    unsigned long long whole = (unsigned long long)number;
    unsigned long long parts = (unsigned long long)((number - (double)whole) * 1e12 + 0.5);
    if (parts >= 1000000000000ull) { whole++; parts = 0; }
    char digits[20];
    int count = 0;
    do { digits[count++] = (char)('0' + whole % 10); whole /= 10; } while (whole);
    while (count) cb_byte(digits[--count]);
    if (!parts) return;
    cb_byte('.');
    for (unsigned long long unit = 100000000000ull; parts; unit /= 10) {
        cb_byte((char)('0' + parts / unit));
        parts %= unit;
    }
}

/* The value of the grade; `cb_reason` and `cb_part` may follow. */
static void cb_value(double value) {
    cb_put("\"value\":");
    cb_put_number(value);
}

/* Why, in a sentence. */
static void cb_reason(const char *at, cb_size length) {
    cb_put(",\"reason\":");
    cb_put_string(at, length);
}

static int cb_parts;

/* A named number that explains the value; all of them come last. */
static void cb_part(const char *name, double value) {
    cb_put(cb_parts++ ? "," : ",\"parts\":{");
    cb_put_string(name, cb_length(name));
    cb_byte(':');
    cb_put_number(value);
}

/* Says why there is no grade; nothing else may be said then. */
static void cb_refuse(const char *why) {
    cb_put("\"error\":");
    cb_put_string(why, cb_length(why));
}

static cb_place cb_pack(const char *at, cb_size length) {
    return (cb_place)(cb_size)at << 32 | length;
}

/* The description of a plugin, and where its input goes. */
#define CASEBOOK_DESCRIPTION(description)                                                                  \
    CB_EXPORT("casebook_alloc") void *casebook_alloc(cb_size length) { return cb_room(length); }           \
    CB_EXPORT("casebook_describe") cb_place casebook_describe(void) {                                      \
        static const char text[] = description;                                                            \
        return cb_pack(text, sizeof text - 1);                                                             \
    }

/* A function that answers the calls of an operation: grade, fill, tool or import. It writes the inside of a map. */
#define CASEBOOK_ANSWERS(operation, function)                                                              \
    void function(cb_json call);                                                                           \
    CB_EXPORT("casebook_" #operation) cb_place casebook_##operation(const char *at, cb_size length) {      \
        cb_json call = {at, length};                                                                       \
        cb_byte('{');                                                                                      \
        function(call);                                                                                    \
        if (cb_parts) cb_byte('}');                                                                        \
        cb_byte('}');                                                                                      \
        return cb_pack(cb_out, (cb_size)(cb_out_end - cb_out));                                            \
    }

/* A plugin that offers graders alone, in a function `grade`. */
#define CASEBOOK_PLUGIN(description) CASEBOOK_DESCRIPTION(description) CASEBOOK_ANSWERS(grade, grade)

#endif
