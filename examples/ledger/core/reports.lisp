;;; reports.lisp: a report looks at every posting, then prints what it has found.
(in-package "LEDGER")

(defclass report ()
  ((prefix :initarg :prefix :initform "" :reader report-prefix :documentation "accounts whose names begin so")))
(defclass totals (report) ((table :initform (make-hash-table :test 'equal) :reader totals-table)))
(defclass balance (totals) ())
(defclass monthly (totals) ())
(defclass register (report) ((lines :initform '() :accessor register-lines)))

(defgeneric look (report payment posting) (:documentation "The report takes notice of a posting."))
(defgeneric show (report) (:documentation "The report is printed."))
(defgeneric total-key (report payment posting))

(defmethod total-key ((report balance) payment posting) (declare (ignore payment)) (posting-account posting))
(defmethod total-key ((report monthly) payment posting) (declare (ignore posting)) (subseq (payment-date payment) 0 7))

(defmethod look :around ((report report) payment posting)
  (declare (ignore payment))
  (when (eql (or (mismatch (report-prefix report) (posting-account posting)) (length (report-prefix report))) (length (report-prefix report)))
    (call-next-method)))

(defmethod look ((report totals) payment posting)
  (let* ((key (total-key report payment posting)) (sum (gethash key (totals-table report))) (amount (posting-amount posting)))
    (setf (gethash key (totals-table report)) (if sum (add sum amount) amount))))

(defmethod look ((report register) payment posting)
  (push (list (payment-date payment) (payment-text payment) (posting-amount posting)) (register-lines report)))

(defmethod show ((report totals))
  (let ((keys (sort (loop for key being the hash-keys of (totals-table report) collect key) #'string<)))
    (format t "~:{~20A ~15@A~%~}" (loop for key in keys collect (list key (amount-text (gethash key (totals-table report))))))))

(defmethod show ((report register))
  (let ((sum nil))
    (loop for (date text amount) in (reverse (register-lines report))
          do (setf sum (if sum (add sum amount) amount))
             (format t "~A ~20A ~15@A ~15@A~%" date text (amount-text amount) (amount-text sum)))))

(defun run-report (report payments)
  (dolist (payment payments) (dolist (posting (payment-postings payment)) (look report payment posting)))
  (show report))
