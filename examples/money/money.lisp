;;; money.lisp: an amount is a number of cents and a currency.  Different currencies are not added.
(in-package "MONEY")

(defstruct (amount (:constructor make-amount (cents currency)))
  (cents 0 :type integer :read-only t)
  (currency "EUR" :type string :read-only t))

(define-condition bad-amount (parse-error)
  ((text :initarg :text :reader bad-amount-text))
  (:report (lambda (c stream) (format stream "~S is no amount of money" (bad-amount-text c)))))

(define-condition other-currency (error)
  ((a :initarg :a :reader currency-a) (b :initarg :b :reader currency-b))
  (:report (lambda (c stream) (format stream "~A and ~A cannot be added" (currency-a c) (currency-b c)))))

(defun add (a b)
  (unless (string= (amount-currency a) (amount-currency b))
    (error 'other-currency :a (amount-currency a) :b (amount-currency b)))
  (make-amount (+ (amount-cents a) (amount-cents b)) (amount-currency a)))

(defun negate (a) (make-amount (- (amount-cents a)) (amount-currency a)))

(defun parse-amount (text)
  "The amount that TEXT says: digits, a dot, two digits, and a currency."
  (flet ((bad () (error 'bad-amount :text text)))
    (let* ((space (or (position #\Space text) (bad))) (dot (or (position #\. text :end space) (bad)))
           (minus (char= (char text 0) #\-)) (start (if minus 1 0)))
      (unless (and (< start dot) (= (- space dot) 3) (every #'digit-char-p (subseq text start dot)) (every #'digit-char-p (subseq text (1+ dot) space)))
        (bad))
      (let ((cents (+ (* 100 (parse-integer text :start start :end dot)) (parse-integer text :start (1+ dot) :end space))))
        (make-amount (if minus (- cents) cents) (string-trim " " (subseq text space)))))))

(defun amount-text (a)
  (multiple-value-bind (units cents) (truncate (abs (amount-cents a)) 100)
    (format nil "~:[~;-~]~:D.~2,'0D ~A" (minusp (amount-cents a)) units cents (amount-currency a))))
