;;; format-numbers.lisp: the directives of FORMAT for numbers (CLHS 22.3.2, 22.3.3).

(in-package "SYS")

;;; Integers

(defun digits-of (integer base)
  (let ((*print-base* base) (*print-radix* nil)) (princ-to-string integer)))

(defun format-integer (object stream base mincol padchar comma interval colon at)
  (or (%write-integer object stream base mincol padchar comma (if colon interval 0) at)
      (let ((*print-base* base) (*print-radix* nil))
        (pad-string (princ-to-string object) stream mincol 1 0 padchar t))))

(defmacro define-integer-directive (char base)
  `(define-directive ,char (directive (mincol 0) (padchar #\Space) (comma #\,) (interval 3))
     (element (format-integer (next-argument state) stream ,base mincol padchar comma interval colon at))))

(define-integer-directive #\D 10)
(define-integer-directive #\B 2)
(define-integer-directive #\O 8)
(define-integer-directive #\X 16)

(define-directive #\R (directive (radix nil) (mincol 0) (padchar #\Space) (comma #\,) (interval 3))
  (element (let ((object (next-argument state)))
             (cond (radix (format-integer object stream radix mincol padchar comma interval colon at))
                   ((not (integerp object))
                    (error 'type-error :datum object :expected-type 'integer))
                   ((and at colon) (write-roman object stream t))
                   (at (write-roman object stream nil))
                   (colon (write-ordinal object stream))
                   (t (write-cardinal object stream))))))

(defparameter *small-cardinals*
  #("zero" "one" "two" "three" "four" "five" "six" "seven" "eight" "nine" "ten" "eleven" "twelve" "thirteen" "fourteen" "fifteen"
    "sixteen" "seventeen" "eighteen" "nineteen"))
(defparameter *tens* #("" "" "twenty" "thirty" "forty" "fifty" "sixty" "seventy" "eighty" "ninety"))
(defparameter *periods*
  #("" " thousand" " million" " billion" " trillion" " quadrillion" " quintillion" " sextillion" " septillion" " octillion" " nonillion"
    " decillion" " undecillion" " duodecillion" " tredecillion" " quattuordecillion" " quindecillion" " sexdecillion" " septendecillion"
    " octodecillion" " novemdecillion" " vigintillion"))
(defparameter *small-ordinals*
  #("zeroth" "first" "second" "third" "fourth" "fifth" "sixth" "seventh" "eighth" "ninth" "tenth" "eleventh" "twelfth" "thirteenth"
    "fourteenth" "fifteenth" "sixteenth" "seventeenth" "eighteenth" "nineteenth"))
(defparameter *ordinal-tens*
  #("" "tenth" "twentieth" "thirtieth" "fortieth" "fiftieth" "sixtieth" "seventieth" "eightieth" "ninetieth"))

(defun write-small-cardinal (n stream)
  "N below 1000, not 0."
  (multiple-value-bind (hundreds rest) (truncate n 100)
    (when (plusp hundreds)
      (write-string (svref *small-cardinals* hundreds) stream)
      (write-string " hundred" stream)
      (when (plusp rest) (write-char #\Space stream)))
    (cond ((zerop rest))
          ((< rest 20) (write-string (svref *small-cardinals* rest) stream))
          (t (multiple-value-bind (tens ones) (truncate rest 10)
               (write-string (svref *tens* tens) stream)
               (when (plusp ones)
                 (write-char #\- stream)
                 (write-string (svref *small-cardinals* ones) stream)))))))

(defun write-cardinal-part (n period stream)
  (multiple-value-bind (more part) (truncate n 1000)
    (when (plusp more)
      (when (>= (1+ period) (length *periods*)) (format-fail "~~R has no words for a number so large"))
      (write-cardinal-part more (1+ period) stream))
    (when (plusp part)
      (when (plusp more) (write-char #\Space stream))
      (write-small-cardinal part stream)
      (write-string (svref *periods* period) stream))))

(defun write-cardinal (n stream)
  (cond ((zerop n) (write-string "zero" stream))
        (t (when (minusp n) (write-string "negative " stream))
           (write-cardinal-part (abs n) 0 stream))))

(defun write-ordinal (n stream)
  (when (minusp n) (write-string "negative " stream))
  (multiple-value-bind (hundreds rest) (truncate (abs n) 100)
    (when (plusp hundreds) (write-cardinal (* 100 hundreds) stream))
    (cond ((and (zerop rest) (plusp hundreds)) (write-string "th" stream))
          (t (when (plusp hundreds) (write-char #\Space stream))
             (multiple-value-bind (tens ones) (truncate rest 10)
               (cond ((< rest 20) (write-string (svref *small-ordinals* rest) stream))
                     ((zerop ones) (write-string (svref *ordinal-tens* tens) stream))
                     (t (write-string (svref *tens* tens) stream)
                        (write-char #\- stream)
                        (write-string (svref *small-ordinals* ones) stream))))))))

(defun write-roman (n stream old)
  (unless (< 0 n (if old 5000 4000)) (format-fail "~~@R takes 1 to ~D, not ~D" (if old 4999 3999) n))
  (dolist (entry (if old
                     '((1000 . "M") (500 . "D") (100 . "C") (50 . "L") (10 . "X") (5 . "V") (1 . "I"))
                     '((1000 . "M") (900 . "CM") (500 . "D") (400 . "CD") (100 . "C") (90 . "XC") (50 . "L") (40 . "XL") (10 . "X")
                       (9 . "IX") (5 . "V") (4 . "IV") (1 . "I"))))
    (loop (when (< n (car entry)) (return))
          (write-string (cdr entry) stream)
          (decf n (car entry)))))

;;; Floats.  A number is taken as its shortest digits and a decimal exponent: 0.DIGITS x 10^exponent.

(defun round-digits (digits exponent places)
  "DIGITS rounded (half up) to PLACES digits behind the decimal point: the digits that are left and the exponent."
  (let ((keep (+ exponent places)))
    (cond ((>= keep (length digits)) (values digits exponent))
          ((minusp keep) (values "" exponent))
          (t (let ((up (char>= (char digits keep) #\5)) (kept (subseq digits 0 keep)))
               (if (not up)
                   (values kept exponent)
                   (let ((i (1- keep)) (kept (copy-seq kept)))
                     (loop
                       (cond ((minusp i) (return (values (concatenate 'string "1" kept) (1+ exponent))))
                             ((char= (char kept i) #\9) (setf (char kept i) #\0) (decf i))
                             (t (setf (char kept i) (code-char (1+ (char-code (char kept i)))))
                                (return (values kept exponent))))))))))))

(defun fixed-text (digits exponent places)
  "The parts before and behind the decimal point; at least PLACES digits behind it if that is not NIL."
  (let* ((before (cond ((<= exponent 0) "")
                       ((<= exponent (length digits)) (subseq digits 0 exponent))
                       (t (concatenate 'string digits (make-string (- exponent (length digits)) :initial-element #\0)))))
         (after (cond ((<= exponent 0)
                       (concatenate 'string (make-string (- exponent) :initial-element #\0) digits))
                      ((< exponent (length digits)) (subseq digits exponent))
                      (t ""))))
    (if places
        (let ((missing (- places (length after))))
          (values before (if (minusp missing)
                             (subseq after 0 places)
                             (concatenate 'string after (make-string missing :initial-element #\0)))))
        (values before (string-right-trim "0" after)))))

(defun write-padded (sign text stream width padchar)
  (when width
    (%write-repeated padchar (- width (length text) (length sign)) stream))
  (write-string sign stream)
  (write-string text stream))

(defun sign-text (number at)
  (cond ((minusp (float-sign number)) "-") (at "+") (t "")))

(defun format-fixed (number stream width places scale overflow padchar at)
  (multiple-value-bind (digits exponent) (%float-shortest number)
    (when (zerop number) (setq digits "" exponent 0))
    (setq exponent (if (zerop number) 0 (+ exponent (or scale 0))))
    (let ((sign (sign-text number at)))
      (when (and width (null places))
        ;; as many places as fit
        (let ((room (- width (length sign) 1 (max exponent 0))))
          (when (> (- (length digits) exponent) (max room 0))
            (multiple-value-setq (digits exponent) (round-digits digits exponent (max room 0))))))
      (when places (multiple-value-setq (digits exponent) (round-digits digits exponent places)))
      (multiple-value-bind (before after) (fixed-text digits exponent places)
        (when (and (null places) (string= after ""))
          (setq after (if (and width (>= (+ (length sign) (length before) 1) width) (string/= before "")) "" "0")))
        (when (and (string= before "")
                   (or (null width) (> width (+ (length sign) 1 (length after)))))
          (setq before "0"))
        (when (and (string= before "") (string= after "")) (setq before "0"))
        (let ((text (concatenate 'string before "." after)))
          (if (and width overflow (> (+ (length sign) (length text)) width))
              (%write-repeated overflow width stream)
              (write-padded sign text stream width padchar)))))))

(defun finite-float-p (number)
  (and (floatp number) (= number number) (/= (abs number) ext:double-float-positive-infinity)))

(defun format-number-or (number stream width at function)
  "Calls FUNCTION with a float for a real NUMBER; prints anything else like ~wD."
  (cond ((rationalp number)
         (funcall function (if (> (integer-length (truncate number)) 127) (float number 1d0) (float number 1f0))))
        ((finite-float-p number) (funcall function number))
        ((floatp number) (prin1 number stream))
        (t (format-integer number stream 10 (or width 0) #\Space #\, 3 nil at))))

(define-directive #\F (directive (width nil) (places nil) (scale nil) (overflow nil) (padchar #\Space))
  (element (format-number-or (next-argument state) stream width at
                             (lambda (number) (format-fixed number stream width places scale overflow padchar at)))))

(defun exponent-marker (number)
  (if (eq (typep number 'double-float) (and (member *read-default-float-format* '(double-float long-float)) t)) #\e (if (typep number 'double-float) #\d #\f)))

(defun format-exponential (number stream width places exponent-width scale overflow padchar marker at)
  (multiple-value-bind (digits exponent) (%float-shortest number)
    (let* ((scale (cond ((zerop number) (min (or scale 1) 1)) (scale) (t 1))) (sign (sign-text number at)) (shown nil))
      (when (zerop number) (setq exponent scale))
      (when places
        (multiple-value-bind (rounded new)
            (round-digits digits 0 (if (plusp scale) (1+ places) (+ places scale)))
          (setq digits rounded exponent (+ exponent new))))
      (setq shown (- exponent scale))
      (let* ((exponent-digits (digits-of (abs shown) 10))
             (exponent-text (concatenate 'string (string (or marker (exponent-marker number))) (if (minusp shown) "-" "+")
                                         (make-string (max 0 (- (or exponent-width 0) (length exponent-digits))) :initial-element #\0)
                                         exponent-digits)))
        (when (and width (null places))
          (let ((room (- width (length sign) 1 (length exponent-text) (if (plusp scale) scale 0))))
            (when (> (- (length digits) (max scale 0)) (max room 0))
              (multiple-value-bind (rounded new) (round-digits digits 0 (max 1 (+ (max room 0) scale)))
                (setq digits rounded shown (+ shown new))))))
        (multiple-value-bind (before after)
            (fixed-text digits scale (and places (if (plusp scale) (max 0 (- places (1- scale))) places)))
          (when (and (null places) (string= after "")) (setq after "0"))
          (when (and (string= before "")
                     (or (null width) (> width (+ (length sign) 1 (length after) (length exponent-text)))))
            (setq before "0"))
          (let ((text (concatenate 'string before "." after exponent-text)))
            (if (and width overflow
                     (or (> (+ (length sign) (length text)) width)
                         (and exponent-width (> (length exponent-digits) exponent-width))))
                (%write-repeated overflow width stream)
                (write-padded sign text stream width padchar))))))))

(define-directive #\E (directive (width nil) (places nil) (exponent-width nil) (scale nil) (overflow nil) (padchar #\Space) (marker nil))
  (element (format-number-or (next-argument state) stream width at
                             (lambda (number)
                               (format-exponential number stream width places exponent-width scale overflow padchar marker at)))))

(define-directive #\G (directive (width nil) (places nil) (exponent-width nil) (scale nil) (overflow nil) (padchar #\Space) (marker nil))
  (element (format-number-or
            (next-argument state) stream width at
            (lambda (number)
              (multiple-value-bind (digits exponent) (%float-shortest number)
                (let* ((n (if (zerop number) 0 exponent)) (ee (if exponent-width (+ exponent-width 2) 4))
                       (ww (and width (- width ee))) (q (length digits))
                       (d (or places (max q (min n 7)))) (dd (- d n)))
                  (cond ((<= 0 dd d)
                         (format-fixed number stream ww dd nil overflow padchar at)
                         (write-spaces ee stream))
                        (t (format-exponential number stream width d exponent-width scale overflow padchar marker at)))))))))

(define-directive #\$ (directive (places 2) (whole 1) (width 0) (padchar #\Space))
  (element (let ((number (next-argument state)))
             (if (not (realp number))
                 (format-integer number stream 10 width padchar #\, 3 nil nil)
                 (let ((number (if (floatp number) number (coerce number 'single-float))))
                   (multiple-value-bind (digits exponent) (%float-shortest number)
                     (when (zerop number) (setq digits "" exponent 0))
                     (multiple-value-setq (digits exponent) (round-digits digits exponent places))
                     (multiple-value-bind (before after) (fixed-text digits exponent places)
                       (let* ((sign (sign-text number at))
                              (before (concatenate 'string (make-string (max 0 (- whole (length before))) :initial-element #\0) before))
                              (text (concatenate 'string before "." after))
                              (padding (max 0 (- width (length sign) (length text)))))
                         (when colon (write-string sign stream))
                         (%write-repeated padchar padding stream)
                         (unless colon (write-string sign stream))
                         (write-string text stream)))))))))
