/* Grades how short a text is. */
#include "casebook.h"
#include "description.h"
CASEBOOK_PLUGIN(DESCRIPTION)

void grade(cb_json call) {
    cb_json parameters = cb_get(call, "parameters");
    cb_text name, text = {0, 0};
    double most = 0;
    if (!cb_string(cb_get(parameters, "text"), &name) || !cb_number(cb_get(parameters, "most"), &most)) {
        cb_refuse("`text` and `most` are needed");
        return;
    }
    char *key = cb_room(name.length + 1);
    memcpy(key, name.at, name.length);
    key[name.length] = 0;
    cb_string(cb_get(cb_get(call, "decision"), key), &text);
    cb_value(text.length && text.length <= most ? 1 : 0);
    cb_part("bytes", text.length);
}
