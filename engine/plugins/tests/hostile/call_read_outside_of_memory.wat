;; says: read or wrote outside of its memory
@plugin
@when_long (drop (i32.load (i32.const -4)))
