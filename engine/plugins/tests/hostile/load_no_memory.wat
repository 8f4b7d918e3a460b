;; says: it exports nothing as `memory`, where a memory is needed
(memory 1)
(func (export "casebook_alloc") (param i32) (result i32) (i32.const 0))
