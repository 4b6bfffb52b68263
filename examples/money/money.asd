;;; money.asd: amounts of money.
(defsystem "money"
  :description "Amounts of money, exact to the cent"
  :version "1.1"
  :serial t
  :components ((:file "package")
               (:file "money")))
