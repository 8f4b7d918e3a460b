;; says: ran out of fuel
@plugin
@when_long (loop $again (memory.fill (i32.const 0) (i32.const 7) (i32.const 65536)) (br $again))
