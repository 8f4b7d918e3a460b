;; says: it is not a module that runs here
@plugin
(func (result v128) (v128.const i64x2 0 0))
@answers {"value":0.5}
