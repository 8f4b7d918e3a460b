;; says: it exports a function as `memory`
(func (export "memory"))
