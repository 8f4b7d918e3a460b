;; says: it is not a module that runs here
(memory (export "memory") i64 1)
