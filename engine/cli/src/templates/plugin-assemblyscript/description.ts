export const DESCRIPTION = `{
  "name": "PLUGIN_NAME",
  "version": "1.0.0",
  "summary": "Words that nobody has heard.",
  "fillers": [
    {
      "name": "word",
      "summary": "A word of as many syllables as are wanted.",
      "random": 12,
      "returns": "text",
      "parameters": {
        "type": "object",
        "properties": {
          "syllables": { "type": "integer", "minimum": 1, "maximum": 6, "description": "How many syllables it has." }
        },
        "required": ["syllables"],
        "additionalProperties": false
      },
      "examples": [
        { "name": "two", "input": { "parameters": { "syllables": 2 }, "random": [0, 1, 13, 4294967295] }, "output": { "value": "befa" } }
      ]
    }
  ]
}`;
