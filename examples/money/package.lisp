;;; package.lisp: what the system exports.
(defpackage "MONEY"
  (:use "COMMON-LISP")
  (:export "AMOUNT" "MAKE-AMOUNT" "AMOUNT-CENTS" "AMOUNT-CURRENCY" "ADD" "NEGATE" "PARSE-AMOUNT" "AMOUNT-TEXT" "BAD-AMOUNT" "OTHER-CURRENCY"))
