;; says: ran out of fuel
@plugin_of filler
@fill_when_long (loop $more (br $more))
