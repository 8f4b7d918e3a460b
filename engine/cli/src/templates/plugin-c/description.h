#define DESCRIPTION \
    "{\"name\":\"PLUGIN_NAME\",\"version\":\"1.0.0\",\"summary\":\"How short a text is.\"," \
    "\"graders\":[{\"name\":\"short\",\"summary\":\"1 when the text has at most `most` bytes, and some.\"," \
    "\"reads\":[\"decision\"]," \
    "\"parameters\":{\"type\":\"object\",\"properties\":{" \
    "\"text\":{\"type\":\"string\",\"description\":\"The decision that holds the text.\",\"x-decision\":[\"text\"]}," \
    "\"most\":{\"type\":\"number\",\"description\":\"The maximum number of bytes.\"}}," \
    "\"required\":[\"text\",\"most\"],\"additionalProperties\":false}," \
    "\"examples\":[" \
    "{\"name\":\"short\",\"input\":{\"parameters\":{\"text\":\"reply\",\"most\":5},\"decision\":{\"reply\":\"yes\"}},\"output\":{\"value\":1}}," \
    "{\"name\":\"long\",\"input\":{\"parameters\":{\"text\":\"reply\",\"most\":5},\"decision\":{\"reply\":\"certainly\"}},\"output\":{\"value\":0,\"parts\":{\"bytes\":9}}}" \
    "]}]}"
