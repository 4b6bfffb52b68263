;;; journal.lisp: reads a journal: payments, each a date with a text, and below it, indented, what went where.  One posting of each may leave its amount out.
;;;
;;;   2026-01-31 Baker
;;;       expenses:food    4.20 EUR
;;;       assets:cash
(in-package "LEDGER")

(define-condition journal-error (parse-error)
  ((line :initarg :line :reader journal-error-line)
   (message :initarg :message :reader journal-error-message))
  (:report (lambda (c stream) (format stream "line ~D: ~A" (journal-error-line c) (journal-error-message c)))))

(defstruct payment date text postings)
(defstruct posting account amount)

(defvar *line* 0)
(defun fail (control &rest arguments) (error 'journal-error :line *line* :message (apply #'format nil control arguments)))

(defun parse-posting (text)
  (let* ((gap (search "  " text)) (account (subseq text 0 gap)) (rest (string-trim " " (if gap (subseq text gap) ""))))
    (make-posting :account account
                  :amount (if (string= rest "")
                              nil
                              (handler-case (parse-amount rest) (bad-amount (c) (fail "~A" c)))))))

(defun balance-payment (payment)
  "Gives the posting without an amount what is missing."
  (let ((open '()) (sum nil))
    (dolist (posting (payment-postings payment))
      (let ((amount (posting-amount posting)))
        (cond ((null amount) (push posting open))
              (sum (setf sum (add sum amount)))
              (t (setf sum amount)))))
    (cond ((null sum) (fail "no amount in ~S" (payment-text payment)))
          ((null open) (unless (zerop (amount-cents sum)) (fail "~S is out of balance by ~A" (payment-text payment) (amount-text sum))))
          ((cdr open) (fail "more than one amount is missing in ~S" (payment-text payment)))
          (t (setf (posting-amount (car open)) (negate sum))))
    payment))

(defun read-journal (file)
  (let ((payments '()) (*line* 0))
    (flet ((finish ()
             (when payments
               (setf (payment-postings (car payments)) (reverse (payment-postings (car payments))))
               (balance-payment (car payments)))))
      (with-open-file (in file)
        (loop for line = (read-line in nil) while line
              do (incf *line*)
                 (cond ((string= (string-trim " " line) "") nil)
                       ((char/= (char line 0) #\Space)
                        (unless (and (> (length line) 11) (char= (char line 4) (char line 7) #\-)) (fail "no date: ~A" line))
                        (finish)
                        (push (make-payment :date (subseq line 0 10) :text (subseq line 11)) payments))
                       (payments (push (parse-posting (string-trim " " line)) (payment-postings (car payments))))
                       (t (fail "a posting without a payment")))))
      (finish)
      (nreverse payments))))
