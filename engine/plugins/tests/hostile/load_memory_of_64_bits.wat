;; says: it is no module that runs here
(memory (export "memory") i64 1)
