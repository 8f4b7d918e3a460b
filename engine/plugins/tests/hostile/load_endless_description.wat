;; says: ran out of fuel
@plugin_without_describe
(func (export "casebook_describe") (result i64) (loop $again (br $again)) (unreachable))
@answers {"value":0.5}
