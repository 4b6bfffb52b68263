;;; main.lisp: the command line: ledger FILE COMMAND [ACCOUNT].  A command NAME is the function COMMAND-NAME.
(in-package "LEDGER")

(defun command-balance (payments account)
  (run-report (make-instance 'balance :prefix account) payments))

(defun command-monthly (payments account)
  (run-report (make-instance 'monthly :prefix account) payments))

(defun command-register (payments account)
  (run-report (make-instance 'register :prefix account) payments))

(defun command-check (payments account)
  (declare (ignore account))
  (format t "~D payment~:P, all in balance~%" (length payments)))

(defun command (name)
  "The function of a command, or NIL."
  (let ((symbol (find-symbol (format nil "COMMAND-~:@(~A~)" name) "LEDGER")))
    (and symbol (fboundp symbol) symbol)))

(defparameter *help*
  '(("balance" "the sum of each account") ("monthly" "the sum of each month") ("register" "every payment, with the sum so far") ("check" "nothing but the number of payments")))

(defun usage ()
  (format t "usage: ledger FILE COMMAND [ACCOUNT]~%~:{  ~10A ~A~%~}" *help*)
  (ext:quit 2))

(defun main ()
  (destructuring-bind (&optional file name (account "") &rest rest) ext:*command-line-arguments*
    (let ((command (and name (null rest) (command name))))
      (if command
          (handler-case (funcall command (read-journal file) account)
            ((or journal-error other-currency file-error) (c)
              (format *error-output* "ledger: ~A: ~A~%" file c)
              (ext:quit 1)))
          (usage)))))
