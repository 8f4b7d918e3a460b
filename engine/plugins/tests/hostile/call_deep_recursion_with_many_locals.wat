;; says: calls itself too deeply
@plugin
(func $deep (param i64 i64 i64 i64 i64 i64 i64 i64) (result i64)
  (i64.add (i64.const 1) (call $deep (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5) (local.get 6) (local.get 7))))
@when_long (drop (call $deep (i64.const 1) (i64.const 1) (i64.const 1) (i64.const 1) (i64.const 1) (i64.const 1) (i64.const 1) (i64.const 1)))
