/* Items from the rows of a CSV table (RFC 4180): a column of ids, fields, and labels. */
#include "casebook.h"
#include "description.h"
CASEBOOK_DESCRIPTION(DESCRIPTION)
CASEBOOK_ANSWERS(import, rows)

#define MAX_COLUMNS 64

/* Where it reads, the line there, and what is wrong with the table. */
typedef struct { const char *at, *end; char separator; cb_size line; const char *wrong; cb_size wrong_line; } reader;

static int is_end(reader *from) {
    return from->at == from->end || *from->at == from->separator || *from->at == '\n' || *from->at == '\r';
}

static void is_wrong(reader *from, cb_size line, const char *why) {
    if (from->wrong) return;
    from->wrong = why;
    from->wrong_line = line;
}

/* Goes on by a byte, and counts the lines that end. */
static char next(reader *from) {
    char c = *from->at++;
    if (c == '\n' || (c == '\r' && (from->at == from->end || *from->at != '\n'))) from->line++;
    return c;
}

/* Reads a cell; 1 when another one follows in its row. */
static int cell(reader *from, cb_text *text) {
    char *out = cb_room((cb_size)(from->end - from->at) + 1), *to = out;
    if (from->at < from->end && *from->at == '"') {
        cb_size opened = from->line;
        from->at++;
        for (;;) {
            if (from->at == from->end) { is_wrong(from, opened, "a quote is opened and never closed"); break; }
            char c = next(from);
            if (c != '"') *to++ = c;
            else if (from->at < from->end && *from->at == '"') *to++ = next(from);
            else break;
        }
        if (!is_end(from)) is_wrong(from, from->line, "a text follows the quote that closes its cell");
    }
    while (!is_end(from)) *to++ = next(from);
    text->at = out;
    text->length = (cb_size)(to - out);
    /* What a cell has not needed is room for the next one. */
    cb_top = ((cb_size)to + 7) & ~7u;
    if (from->at < from->end && *from->at == from->separator) { from->at++; return 1; }
    if (from->at < from->end && *from->at == '\r') next(from);
    if (from->at < from->end && *from->at == '\n') next(from);
    return 0;
}

/* The default sign between cells: the first possible one, outside of quotes, in the first line. */
static char separator_of(reader *from) {
    int quoted = 0;
    for (const char *at = from->at; at < from->end; at++) {
        if (*at == '"') quoted = !quoted;
        else if (!quoted && (*at == ',' || *at == ';' || *at == '\t')) return *at;
        else if (!quoted && (*at == '\n' || *at == '\r') && at > from->at) break;
    }
    return ',';
}

static int same(cb_text a, cb_text b) {
    cb_size at = 0;
    while (at < a.length && at < b.length && a.at[at] == b.at[at]) at++;
    return at == a.length && at == b.length;
}

/* Refuses the table: its line, a text, and a name in it. */
static void refuse(cb_size line, const char *why, cb_text name) {
    char *text = cb_room(name.length + 200), *to = text, digits[12];
    int count = 0;
    for (const char *at = "line "; *at;) *to++ = *at++;
    do { digits[count++] = (char)('0' + line % 10); line /= 10; } while (line);
    while (count) *to++ = digits[--count];
    *to++ = ':';
    *to++ = ' ';
    for (; *why; why++) {
        if (*why != '%') { *to++ = *why; continue; }
        for (cb_size i = 0; i < name.length && i < 100; i++) *to++ = name.at[i];
    }
    cb_put("\"error\":");
    cb_put_string(text, (cb_size)(to - text));
}

/* Whether a list of texts holds one. */
static int holds(cb_json list, cb_text name) {
    for (cb_size i = 0;; i++) {
        cb_text entry;
        cb_json json = cb_entry(list, i);
        if (!json.at) return 0;
        if (cb_string(json, &entry) && same(entry, name)) return 1;
    }
}

/* Whether a text is a number as JSON writes it. */
static int is_number(cb_text text) {
    const char *at = text.at, *end = text.at + text.length;
    if (at < end && *at == '-') at++;
    if (at < end && *at == '0' && at + 1 < end && at[1] >= '0' && at[1] <= '9') return 0;
    const char *digits = at;
    while (at < end && *at >= '0' && *at <= '9') at++;
    if (at == digits) return 0;
    if (at == end) return 1;
    if (*at++ != '.') return 0;
    digits = at;
    while (at < end && *at >= '0' && *at <= '9') at++;
    return at == end && at > digits;
}

/* Whether a text is a word, in whatever case spreadsheets write it. */
static int is_word(cb_text text, const char *word) {
    cb_size at = 0;
    while (at < text.length && word[at] && (text.at[at] | 32) == word[at]) at++;
    return at == text.length && !word[at];
}

/* A value of the type of its column; what is not a number stays the text that it is. */
static void put(cb_json parameters, cb_text column, cb_text text) {
    int number = holds(cb_get(parameters, "numbers"), column) && is_number(text);
    int flag = holds(cb_get(parameters, "booleans"), column) && (is_word(text, "true") || is_word(text, "false"));
    if (!number && !flag) { cb_put_string(text.at, text.length); return; }
    for (cb_size i = 0; i < text.length; i++) cb_byte(flag ? (char)(text.at[i] | 32) : text.at[i]);
}

static int found;

static void member(cb_json parameters, cb_text column, cb_text text) {
    if (found++) cb_byte(',');
    cb_put_string(column.at, column.length);
    cb_byte(':');
    put(parameters, column, text);
}

void rows(cb_json call) {
    cb_json parameters = cb_get(call, "parameters"), labels = cb_get(parameters, "labels");
    cb_text table, none = {"", 0}, id = {"id", 2}, separator, names[MAX_COLUMNS], cells[MAX_COLUMNS];
    if (!cb_string(cb_get(call, "text"), &table)) { cb_refuse("there is no text"); return; }
    cb_string(cb_get(parameters, "id"), &id);
    reader from = {table.at, table.at + table.length, ',', 1, 0, 0};
    /* A byte order mark is none of the first name. */
    if (table.length >= 3 && table.at[0] == '\xef' && table.at[1] == '\xbb' && table.at[2] == '\xbf') from.at += 3;
    while (from.at < from.end && (*from.at == '\n' || *from.at == '\r')) next(&from);
    from.separator = cb_string(cb_get(parameters, "separator"), &separator) ? separator.at[0] : separator_of(&from);
    cb_size head = from.line;
    int columns = 0, id_column = -1, items = 0;
    for (int more = 1; more; columns++) {
        if (columns == MAX_COLUMNS) { cb_refuse("there are more than 64 columns"); return; }
        more = cell(&from, &names[columns]);
        if (from.wrong) { refuse(from.wrong_line, from.wrong, none); return; }
        for (int i = 0; i < columns; i++)
            if (names[columns].length && same(names[i], names[columns])) {
                refuse(head, "the column `%` appears twice", names[i]);
                return;
            }
        if (same(names[columns], id)) id_column = columns;
    }
    if (id_column < 0) { cb_refuse("no column of the first row has the name that `id` says"); return; }
    char *begin = cb_out_end;
    cb_put("\"items\":[");
    while (from.at < from.end) {
        int count = 0, filled = 0;
        cb_size line = from.line;
        for (int more = 1; more; count++) {
            cb_text extra, *to = count < columns ? &cells[count] : &extra;
            more = cell(&from, to);
            filled += to->length > 0;
        }
        if (from.wrong) { cb_out_end = begin; refuse(from.wrong_line, from.wrong, none); return; }
        /* A row with nothing in it is none. */
        if (!filled) continue;
        if (count != columns) {
            cb_out_end = begin;
            refuse(line, "a row has another number of cells than the first one", none);
            return;
        }
        for (int i = 0; i < columns; i++)
            if (cells[i].length && !names[i].length) {
                cb_out_end = begin;
                refuse(line, "a cell has no name of a column above it", none);
                return;
            }
        cb_put(items++ ? ",{\"id\":" : "{\"id\":");
        cb_put_string(cells[id_column].at, cells[id_column].length);
        cb_put(",\"fields\":{");
        found = 0;
        for (int i = 0; i < columns; i++)
            if (i != id_column && cells[i].length && !holds(labels, names[i])) member(parameters, names[i], cells[i]);
        cb_byte('}');
        found = 0;
        for (int i = 0; i < columns; i++) {
            if (!cells[i].length || !holds(labels, names[i])) continue;
            if (!found) cb_put(",\"labels\":{");
            member(parameters, names[i], cells[i]);
        }
        if (found) cb_byte('}');
        cb_byte('}');
    }
    cb_byte(']');
}
