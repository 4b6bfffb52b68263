;;; package.lisp: the program's package.
(defpackage "LEDGER"
  (:use "COMMON-LISP" "MONEY")
  (:export "MAIN"))
