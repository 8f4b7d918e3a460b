;; says: it imports `wasi_snapshot_preview1.random_get`
(import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))
@plugin
@answers {"value":0.5}
