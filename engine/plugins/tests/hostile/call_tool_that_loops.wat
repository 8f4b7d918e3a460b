;; says: ran out of fuel
@plugin_of tool
@tool_when_long (loop $more (br $more))
