;; says: it exports nothing as `casebook_grade`
@plugin
