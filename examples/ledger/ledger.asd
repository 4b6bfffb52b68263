;;; ledger.asd: the program: windfall deliver examples/ledger.
(defsystem "ledger"
  :description "Reports about a journal of payments"
  :version "0.3"
  :depends-on ((:version "money" "1.0"))
  :components ((:file "package")
               (:file "main" :depends-on ("core"))
               (:module "core"
                :depends-on ("package")
                :components ((:file "reports" :depends-on ("journal"))
                             (:file "journal"))))
  :entry-point "ledger:main")
