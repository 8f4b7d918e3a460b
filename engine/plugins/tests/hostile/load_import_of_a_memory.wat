;; says: it imports `env.memory`
(import "env" "memory" (memory 1))
(func (export "casebook_alloc") (param i32) (result i32) (i32.const 0))
