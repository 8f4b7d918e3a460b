;; says: it imports `env.clock`; a plugin may import nothing
(import "env" "clock" (func (result i64)))
@plugin
@answers {"value":0.5}
