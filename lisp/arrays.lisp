;;; arrays.lisp: arrays (CLHS 15): MAKE-ARRAY, ADJUST-ARRAY, upgrading, bit-array operations.
;;;
;;; The element type of an array is one of those of the simple vectors; a type code (a fixnum) stands for it.  %ELEMENT-TYPE-CODE knows
;;; the code of most type specifiers; SUBTYPEP decides about the rest: the first of *UPGRADES* that includes the type.
;;;
;;; Everything but simple vectors is a header over a simple vector.  ADJUST-ARRAY makes a new header; an adjustable array becomes it.
;;; Arrays with a fill pointer and displaced arrays are adjustable whether that was asked for or not.

(in-package "SYS")

(defconstant array-rank-limit 64)
(defconstant array-dimension-limit (ash 1 44))
(defconstant array-total-size-limit (ash 1 44))

(defconstant +vector-code+ (%element-type-code t) "Type codes of three kinds of simple vectors.")
(defconstant +string-code+ (%element-type-code 'character))
(defconstant +bit-code+ (%element-type-code 'bit))

;;; -- Element types --

(defvar *upgrades*
  '(nil bit (unsigned-byte 8) (signed-byte 8) (unsigned-byte 16) (signed-byte 16) (unsigned-byte 32) (signed-byte 32)
    fixnum (unsigned-byte 64) (signed-byte 64) single-float double-float base-char character)
  "The element types of the specialised vectors, each before those that include it.")

(defun %type-code (type)
  "The type code of arrays that can hold objects of the type."
  (or (%element-type-code type)
      (dolist (upgrade *upgrades* nil)
        (if (subtypep type upgrade) (return (%element-type-code upgrade))))
      (%element-type-code t)))

(defun upgraded-array-element-type (type &optional environment)
  "The type of what an array made for elements of TYPE can hold (CLHS 15.2)."
  (declare (ignore environment))
  (%code-element-type (%type-code type)))

;;; -- MAKE-ARRAY --

(defun %array-error (control &rest arguments)
  (error 'simple-error :format-control control :format-arguments arguments))

(defun %fill-contents (data contents dimensions index)
  "Stores nested sequences in row-major order from INDEX; returns the index behind the last."
  (cond ((null dimensions)
         (%row-major-set data index contents)
         (+ index 1))
        ((not (= (length contents) (car dimensions)))
         (%array-error "The initial contents ~S do not have ~D elements." contents (car dimensions)))
        ((and (null (cdr dimensions)))
         (%replace data contents index (+ index (car dimensions)) 0 nil)
         (+ index (car dimensions)))
        ((listp contents)
         (dolist (x contents index)
           (setq index (%fill-contents data x (cdr dimensions) index))))
        (t (dotimes (i (car dimensions) index)
             (setq index (%fill-contents data (aref contents i) (cdr dimensions) index))))))

(defun %total-size (dimensions)
  (let ((total 1))
    (dolist (d dimensions total)
      (if (not (and (%fixnump d) (>= d 0)))
          (error 'type-error :datum d :expected-type `(integer 0 (,array-dimension-limit))))
      (setq total (* total d)))))

(defun %check-fill-pointer (fill-pointer dimensions)
  (cond ((null fill-pointer) nil)
        ((or (null dimensions) (cdr dimensions))
         (%array-error "An array of rank ~D cannot have a fill pointer." (length dimensions)))
        ((eq fill-pointer t) (car dimensions))
        ((and (integerp fill-pointer) (<= 0 fill-pointer (car dimensions))) fill-pointer)
        (t (error 'type-error :datum fill-pointer :expected-type `(integer 0 ,(car dimensions))))))

(defun %displaced-header (code dimensions target offset fill-pointer)
  (if (not (arrayp target)) (error 'type-error :datum target :expected-type 'array))
  (if (not (or (eql (%array-type-code target) code)
               (and (eql code +string-code+) (stringp target)))) ; a literal string, which may be a base string
      (%array-error "An array of ~S cannot be displaced to an array of ~S." (%code-element-type code) (array-element-type target)))
  (if (not (and (%fixnump offset) (<= 0 offset (array-total-size target))))
      (error 'type-error :datum offset :expected-type `(integer 0 ,(array-total-size target))))
  (if (> (+ offset (%total-size dimensions)) (array-total-size target))
      (%array-error "An array of dimensions ~S does not fit into ~S at ~D." dimensions target offset))
  (%make-array-header target offset fill-pointer t t dimensions))

(defun %one-source (element-p contents-p displaced-to offset-p)
  "Signals unless the initial elements have one origin at most."
  (if (or (and element-p contents-p) (and displaced-to (or element-p contents-p)) (and offset-p (not displaced-to)))
      (error 'simple-program-error
             :format-control "Only one of :INITIAL-ELEMENT, :INITIAL-CONTENTS and :DISPLACED-TO (with :DISPLACED-INDEX-OFFSET) can be given."
             :format-arguments nil)))

(defun %dimension-list (dimensions)
  (cond ((listp dimensions) dimensions)
        ((integerp dimensions) (list dimensions))
        (t (error 'type-error :datum dimensions :expected-type '(or integer list)))))

(defun make-array (dimensions &rest keys &key (element-type t) initial-element initial-contents adjustable fill-pointer displaced-to displaced-index-offset)
  "A fresh array (CLHS 15.2).  DIMENSIONS is a list, or the length of a vector."
  (declare (ignore initial-element initial-contents adjustable fill-pointer displaced-to displaced-index-offset))
  (apply #'%make-array-of (if (eq element-type t) nil (%type-code element-type)) dimensions keys))

(defun %make-array-of (code dimensions &key element-type (initial-element nil element-p) (initial-contents nil contents-p)
                                         adjustable fill-pointer displaced-to (displaced-index-offset 0 offset-p))
  "MAKE-ARRAY, when the type code of the elements is known; NIL: they are of type T."
  (declare (ignore element-type))
  (if (not (or contents-p adjustable fill-pointer displaced-to offset-p))
      (return-from %make-array-of
        (if element-p
            (%make-simple-array code dimensions initial-element)
            (%make-simple-array code dimensions))))
  (%one-source element-p contents-p displaced-to offset-p)
  (let* ((dimensions (%dimension-list dimensions))
         (total (%total-size dimensions))
         (fill (%check-fill-pointer fill-pointer dimensions)))
    (if displaced-to
        (%displaced-header (or code +vector-code+) dimensions displaced-to displaced-index-offset fill)
        (let ((data (if element-p (%make-simple-array code total initial-element) (%make-simple-array code total))))
          (if contents-p (%fill-contents data initial-contents dimensions 0))
          (if (or adjustable fill (null dimensions) (cdr dimensions))
              (%make-array-header data 0 fill nil (or adjustable fill) dimensions)
              data)))))

(defun %constant-element-code (keys)
  "What a call with these arguments says of the element type: a type code, NIL for T, or :UNKNOWN."
  (do ((tail keys (cddr tail)) (code nil) (seen nil))
      ((null tail) code)
    (if (not (and (keywordp (car tail)) (consp (cdr tail)))) (return :unknown))
    (when (and (eq (car tail) :element-type) (not seen))
      (let ((type (cadr tail)))
        (setq seen t
              code (cond ((member type '(t 't) :test #'equal) nil)
                         ((and (consp type) (eq (car type) 'quote) (%element-type-code (cadr type))))
                         (t (return :unknown))))))))

(define-compiler-macro make-array (&whole form dimensions &rest keys)
  (let ((code (%constant-element-code keys)) (rest (if (eq (car keys) :element-type) (cddr keys) keys)))
    (cond ((eq code :unknown) form)
          ((null rest) `(%make-simple-array ,code ,dimensions))
          ((and (eq (car rest) :initial-element) (null (cddr rest))) `(%make-simple-array ,code ,dimensions ,(cadr rest)))
          (t `(%make-array-of ,code ,dimensions ,@keys)))))

;;; -- ADJUST-ARRAY --

(defun %copy-region (to to-dimensions to-index from from-dimensions from-index)
  "Copies what two arrays of the same rank have in common, from the given row-major indices on."
  (if (null (cdr to-dimensions))
      (%row-major-replace to to-index from from-index
                          (if to-dimensions (min (car to-dimensions) (car from-dimensions)) 1))
      (let ((to-step (%total-size (cdr to-dimensions))) (from-step (%total-size (cdr from-dimensions))))
        (dotimes (i (min (car to-dimensions) (car from-dimensions)))
          (%copy-region to (cdr to-dimensions) to-index from (cdr from-dimensions) from-index)
          (setq to-index (+ to-index to-step) from-index (+ from-index from-step))))))

(defun %adjusted-fill-pointer (array fill-pointer dimensions)
  (if (array-has-fill-pointer-p array)
      (let ((fill (%check-fill-pointer (or fill-pointer (fill-pointer array)) dimensions)))
        fill)
      (if fill-pointer
          (error 'type-error :datum array :expected-type '(satisfies array-has-fill-pointer-p))
          nil)))

(defun adjust-array (array new-dimensions &key (element-type t type-p) (initial-element nil element-p) (initial-contents nil contents-p)
                                            fill-pointer displaced-to (displaced-index-offset 0 offset-p))
  "An array of other dimensions with the elements of ARRAY; ARRAY itself if it is adjustable (CLHS 15.2)."
  (let* ((dimensions (%dimension-list new-dimensions))
         (code (%array-type-code array))
         (adjustable (adjustable-array-p array))
         (total (%total-size dimensions)))
    (if (not (= (length dimensions) (array-rank array)))
        (%array-error "~S does not have ~D dimensions." array (length dimensions)))
    (if (and type-p (not (eql (%type-code element-type) code)))
        (%array-error "The element type of ~S is not ~S." array element-type))
    (if (or contents-p displaced-to offset-p) (%one-source element-p contents-p displaced-to offset-p))
    (let ((fill (%adjusted-fill-pointer array fill-pointer dimensions)) (new nil))
      (if displaced-to
          (setq new (%displaced-header code dimensions displaced-to displaced-index-offset fill))
          (let ((data (if element-p (%make-simple-array code total initial-element) (%make-simple-array code total))))
            (if contents-p
                (%fill-contents data initial-contents dimensions 0)
                (%copy-region data dimensions 0 array (array-dimensions array) 0))
            (setq new (if (or adjustable fill (null dimensions) (cdr dimensions))
                          (%make-array-header data 0 fill nil (or adjustable fill) dimensions)
                          data))))
      (if adjustable (%become-array array new) new))))

;;; -- Bit arrays --

(defun %bit-array (x)
  (if (and (arrayp x) (eq (array-element-type x) 'bit))
      x
      (error 'type-error :datum x :expected-type '(array bit))))

(defun %bit-operation (operation a b result)
  "OPERATION is the truth table of the result as four bits: for a, b = 00, 01, 10, 11 from the lowest."
  (%bit-array a)
  (%bit-array b)
  (let* ((dimensions (array-dimensions a))
         (result (cond ((null result) (%make-simple-array (%array-type-code a) dimensions))
                       ((eq result t) a)
                       (t (%bit-array result)))))
    (if (not (and (equal dimensions (array-dimensions b)) (equal dimensions (array-dimensions result))))
        (%array-error "Bit arrays of different dimensions: ~S ~S ~S" dimensions (array-dimensions b) (array-dimensions result)))
    (%bit-combine operation a b result)))

(defun bit-and (bit-array-1 bit-array-2 &optional result) (%bit-operation 8 bit-array-1 bit-array-2 result))
(defun bit-ior (bit-array-1 bit-array-2 &optional result) (%bit-operation 14 bit-array-1 bit-array-2 result))
(defun bit-xor (bit-array-1 bit-array-2 &optional result) (%bit-operation 6 bit-array-1 bit-array-2 result))
(defun bit-eqv (bit-array-1 bit-array-2 &optional result) (%bit-operation 9 bit-array-1 bit-array-2 result))
(defun bit-nand (bit-array-1 bit-array-2 &optional result) (%bit-operation 7 bit-array-1 bit-array-2 result))
(defun bit-nor (bit-array-1 bit-array-2 &optional result) (%bit-operation 1 bit-array-1 bit-array-2 result))
(defun bit-andc1 (bit-array-1 bit-array-2 &optional result) (%bit-operation 2 bit-array-1 bit-array-2 result))
(defun bit-andc2 (bit-array-1 bit-array-2 &optional result) (%bit-operation 4 bit-array-1 bit-array-2 result))
(defun bit-orc1 (bit-array-1 bit-array-2 &optional result) (%bit-operation 11 bit-array-1 bit-array-2 result))
(defun bit-orc2 (bit-array-1 bit-array-2 &optional result) (%bit-operation 13 bit-array-1 bit-array-2 result))
(defun bit-not (bit-array &optional result) (%bit-operation 3 bit-array bit-array result))
