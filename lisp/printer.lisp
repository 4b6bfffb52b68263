;;; printer.lisp: WRITE and its kin (CLHS 22.1, 22.3): what is not the look of an atom.
;;;
;;; OUTPUT-OBJECT is the one way in.  Data that C can print whole it prints at once (%WRITE-PLAIN); otherwise the object is taken apart here, with
;;; *PRINT-LEVEL*, *PRINT-LENGTH*, *PRINT-CIRCLE* and, when *PRINT-PRETTY* is true, the dispatch table of pretty.lisp.
;;;
;;; Circularity: with *PRINT-CIRCLE* the outermost object is printed twice, the first time to nowhere.  That finds what occurs more than once
;;; among all that is really printed, by whichever methods and pretty-printing functions.  *CIRCLE-LABELS* maps what was met
;;; once to :ONCE, what is to have a label to T, and in the second pass to its number.  Whoever prints a list asks
;;; CIRCLE-TAIL-P before it goes on with a tail.

(in-package "SYS")

;;; A call of FORMAT whose control string is a constant of nothing but ~A ~S ~D ~% ~& ~~ becomes a call of %FORMAT-PLAIN: so a program that has only such
;;; ones needs neither FORMAT's parser nor its directives.  It is here so that the library profits too.

(defun %plain-control-arguments (control)
  "How many arguments the control string takes, if it is a plain one; else NIL."
  (do ((i 0 (1+ i)) (count 0) (end (length control)))
      ((>= i end) count)
    (if (char= (char control i) #\~)
        (progn
          (setq i (1+ i))
          (if (= i end) (return nil))
          (case (char control i)
            ((#\A #\a #\S #\s #\D #\d) (setq count (1+ count)))
            ((#\% #\& #\~))
            (t (return nil)))))))

(define-compiler-macro format (&whole form destination control &rest arguments)
  (let ((count (if (stringp control) (%plain-control-arguments control))))
    (if (and count (<= count (length arguments)))
        `(%format-plain ,destination ,control ,@arguments)
        form)))

(defvar *print-array* t)
(defvar *print-base* 10)
(defvar *print-case* :upcase)
(defvar *print-circle* nil)
(defvar *print-escape* t)
(defvar *print-gensym* t)
(defvar *print-length* nil)
(defvar *print-level* nil)
(defvar *print-lines* nil)
(defvar *print-miser-width* 40)
(defvar *print-pretty* nil)
(defvar *print-radix* nil)
(defvar *print-readably* nil)
(defvar *print-right-margin* nil)

(defvar *current-level* 0)
(defvar *circle-labels* nil) ; NIL: no circularity is looked for; else an EQ hash table
(defvar *circle-count* nil)  ; NIL in the first pass; then the labels given so far
(defvar *circle-object* nil) ; the object whose label has been seen to: its logical block has not to do it again

(defmacro with-circle-labels ((stream) &body body)
  "Runs BODY twice: to find what occurs more than once, with STREAM bound to a stream that goes nowhere; then to print."
  `(let ((*circle-labels* (make-hash-table :test 'eq)) (*circle-count* nil))
     (let ((,stream (make-broadcast-stream))) ,@body)
     (setq *circle-count* 0)
     ,@body))

(defmacro with-deeper-level ((stream) &body body)
  "Runs BODY one level deeper, or prints # if that is too deep."
  `(if (and *print-level* (not *print-readably*) (>= *current-level* *print-level*))
       (write-char #\# ,stream)
       (let ((*current-level* (1+ *current-level*))) ,@body)))

(defmacro print-unreadable-object ((object stream &key type identity) &body body)
  (let ((unreadable (make-symbol "OBJECT")))
    `(let ((,unreadable ,object))
       (%print-unreadable ,unreadable (%printer-stream ,stream) ,(and type `(and ,type (%type-name-to-print ,unreadable))) ,identity
                          ,(if body `(lambda () ,@body) nil)))))

;;; Circularity

(defun circle-candidate-p (object)
  (or (consp object)
      (arrayp object)
      (%structurep object)
      (%instancep object)
      (and (symbolp object) (null (symbol-package object)))))

(defun circle-reference (object stream)
  "Prints the label of an object that occurs more than once.  True if that is all: the object has been printed before."
  (let ((label (gethash object *circle-labels*)))
    (cond ((null *circle-count*)
           (setf (gethash object *circle-labels*) (if label t :once))
           label)
          ((or (null label) (eq label :once)) nil)
          ((eq label t)
           (setf (gethash object *circle-labels*) (incf *circle-count*))
           (%write-label *circle-count* #\= stream)
           nil)
          (t (%write-label label #\# stream)
             t))))

(defun %write-label (label char stream)
  (write-char #\# stream)
  (let ((*print-base* 10) (*print-radix* nil)) (%write-atom label stream))
  (write-char char stream))

(defun circle-tail-p (tail)
  "Must the TAIL of a list be printed after a dot, because it has a label?  Notes in the first pass that the tail was met."
  (and *circle-labels*
       (consp tail)
       (let ((label (gethash tail *circle-labels*)))
         (cond (*circle-count* (and label (not (eq label :once))))
               (label t)
               (t (setf (gethash tail *circle-labels*) :once)
                  nil)))))

;;; The way in

(defun output-object (object stream)
  (or (%write-plain object stream)
      (if (and *print-circle* (null *circle-labels*) (circle-candidate-p object) (not (stringp object)) (not (symbolp object)))
          (output-circularly object stream)
          (output-labelled object stream)))
  object)

(defun output-circularly (object stream)
  (with-circle-labels (stream) (output-labelled object stream)))

(defun output-labelled (object stream)
  (unless (and *circle-labels* (circle-candidate-p object) (circle-reference object stream))
    (if *print-pretty*
        (progn (setq *circle-object* object)
               (%pretty-print object stream))
        (output-ugly object stream))))

(defun output-ugly (object stream)
  "Prints without the pretty printer's dispatch table."
  (cond ((%write-atom object stream))
        ((consp object) (output-list object stream))
        ((or (%structurep object) (%instancep object) (%funcallable-p object)) (print-object object stream))
        ((arrayp object) (output-array object stream))
        (t (output-other object stream))))

(defun too-long-p (count)
  (and *print-length* (not *print-readably*) (>= count *print-length*)))

;;; Lists and arrays

(defun output-list (list stream)
  (if (and (consp (cdr list)) (null (cddr list)) (member (car list) '(quote function)) (not (circle-tail-p (cdr list))))
      (progn (write-string (if (eq (car list) 'quote) "'" "#'") stream)
             (output-element (second list) stream))
      (with-deeper-level (stream)
        (write-char #\( stream)
        (do ((tail list (cdr tail)) (count 0 (1+ count)))
            ((or (atom tail) (and (plusp count) (circle-tail-p tail)))
             (when tail
               (write-string " . " stream)
               (output-element tail stream)))
          (when (plusp count) (write-char #\Space stream))
          (when (too-long-p count)
            (write-string "..." stream)
            (return))
          (output-element (car tail) stream))
        (write-char #\) stream))))

(defun output-element (object stream)
  (if (or *circle-labels* *print-pretty*)
      (output-labelled object stream)
      (or (%write-plain object stream) (output-labelled object stream))))

(defun special-array-p (array)
  "Whether #(...) or #nA would be read as an array of another element type or of other dimensions."
  (or (not (eq (array-element-type array) t))
      (let ((dimensions (member 0 (array-dimensions array)))) (notevery #'zerop dimensions))))

(defun array-contents (array start dimensions)
  (if (null dimensions)
      (row-major-aref array start)
      (let ((size (reduce #'* (cdr dimensions))) (parts '()))
        (dotimes (i (car dimensions) (nreverse parts))
          (push (array-contents array (+ start (* i size)) (cdr dimensions)) parts)))))

(defun output-array (array stream)
  (cond ((and (not *print-array*) (not *print-readably*))
         (print-unreadable-object (array stream :identity t)
           (prin1 (if (vectorp array) 'vector 'array) stream)
           (write-char #\Space stream)
           (prin1 (array-element-type array) stream)
           (write-char #\Space stream)
           (prin1 (array-dimensions array) stream)))
        ((and *print-readably* (not (bit-vector-p array)) (special-array-p array))
         (write-string "#A" stream)
         (output-element (list (array-dimensions array) (array-element-type array) (array-contents array 0 (array-dimensions array))) stream))
        ((bit-vector-p array)
         (write-string "#*" stream)
         (dotimes (i (length array)) (write-char (if (zerop (aref array i)) #\0 #\1) stream)))
        ((vectorp array)
         (with-deeper-level (stream)
           (write-string "#(" stream)
           (output-vector-part array 0 (length array) stream)))
        (t (with-deeper-level (stream)
             (write-char #\# stream)
             (let ((*print-base* 10) (*print-radix* nil)) (%write-atom (array-rank array) stream))
             (write-char #\A stream)
             (let ((*current-level* (1- *current-level*)))
               (output-array-part array (array-dimensions array) 0 stream))))))

(defun output-vector-part (array start end stream)
  (do ((i start (1+ i))) ((= i end))
    (when (> i start) (write-char #\Space stream))
    (when (too-long-p (- i start))
      (write-string "..." stream)
      (return))
    (output-element (row-major-aref array i) stream))
  (write-char #\) stream))

(defun output-array-part (array dimensions start stream)
  "Prints the elements from row-major index START on that DIMENSIONS span."
  (cond ((null dimensions) (output-element (row-major-aref array start) stream))
        ((null (cdr dimensions))
         (with-deeper-level (stream)
           (write-char #\( stream)
           (output-vector-part array start (+ start (car dimensions)) stream)))
        (t (let ((size (reduce #'* (cdr dimensions))))
             (with-deeper-level (stream)
               (write-char #\( stream)
               (dotimes (i (car dimensions))
                 (when (plusp i) (write-char #\Space stream))
                 (when (too-long-p i)
                   (write-string "..." stream)
                   (return))
                 (output-array-part array (cdr dimensions) (+ start (* i size)) stream))
               (write-char #\) stream))))))

;;; Everything else

(defun %print-unreadable (object stream type identity body)
  "TYPE: what stands first, a symbol or class, or NIL."
  (when *print-readably* (error 'print-not-readable :object object))
  (write-string "#<" stream)
  (when type
    (let ((*print-escape* t)) (output-object type stream))
    (write-char #\Space stream))
  (when body (funcall body))
  (when identity
    (when (or body (not type)) (write-char #\Space stream))
    (write-char #\{ stream)
    (let ((*print-base* 16) (*print-radix* nil)) (%write-atom (%address object) stream))
    (write-char #\} stream))
  (write-char #\> stream)
  nil)

(defun %type-name-to-print (object)
  (let ((type (type-of object)))
    (if (consp type) (car type) type)))

(defun output-other (object stream)
  (cond ((functionp object) (output-function object stream))
        ((pathnamep object) (output-pathname object stream))
        ((and *print-readably* (random-state-p object))
         (write-string "#S" stream)
         (output-object (list 'random-state :words (%random-state-words object)) stream))
        ((hash-table-p object)
         (%print-unreadable object stream 'hash-table t (lambda () (output-hash-table object stream))))
        ((packagep object)
         (%print-unreadable object stream 'package nil
                            (lambda () (let ((*print-escape* t)) (output-object (or (package-name object) "deleted") stream)))))
        ((streamp object) (%print-unreadable object stream (%stream-type object) t nil))
        ((readtablep object) (%print-unreadable object stream 'readtable t nil))
        ((random-state-p object) (%print-unreadable object stream 'random-state t nil))
        (t (print-unreadable-object (object stream :identity t)
             (write-string (or (%shape-name object) "MARKER") stream)))))

(defun output-hash-table (table stream)
  "What stands between type and address."
  (prin1 :test stream)
  (write-char #\Space stream)
  (prin1 (hash-table-test table) stream)
  (write-char #\Space stream)
  (prin1 :count stream)
  (write-char #\Space stream)
  (prin1 (hash-table-count table) stream))

(defun %function-name (function)
  "The name of compiled code or of a builtin, or NIL."
  (let ((debug (%function-debug function)))
    (if debug
        (svref debug 0)
        (let ((name (%builtin-info function)))
          (and name (%present-symbol name (if (char= (char name 0) #\%) (find-package "SYS") (find-package "COMMON-LISP"))))))))

(defun output-function (function stream)
  (let ((name (%function-name function)))
    (print-unreadable-object (function stream :identity (null name))
      (write-string "FUNCTION" stream)
      (when name
        (write-char #\Space stream)
        (let ((*print-escape* t)) (output-object name stream))))))

(defun output-pathname (pathname stream)
  (let ((name (namestring pathname)))
    (when (and *print-readably* (not (equal (pathname name) pathname)))
      (error 'print-not-readable :object pathname))
    (cond ((or *print-escape* *print-readably*)
           (write-string "#P" stream)
           (let ((*print-escape* t)) (%write-atom name stream)))
          (t (write-string name stream)))))

(defun %print-structure (structure stream)
  "How a structure prints that has no print function of its own."
  (let* ((layout (%layout-of structure)) (names (%layout-ref layout 5)))
    (with-deeper-level (stream)
      (write-string "#S(" stream)
      (prin1 (%layout-ref layout 0) stream)
      (dotimes (i (length names))
        (write-char #\Space stream)
        (when (too-long-p i)
          (write-string "..." stream)
          (return))
        (prin1 (intern (symbol-name (svref names i)) "KEYWORD") stream)
        (write-char #\Space stream)
        (output-element (%structure-ref structure (1+ i)) stream))
      (write-char #\) stream))))

;;; The functions of the standard

(defun %printer-stream (designator)
  (case designator ((nil) *standard-output*) ((t) *terminal-io*) (t designator)))

(defun write (object &rest arguments
              &key (stream nil) ((:array array) nil) base case circle escape gensym length level lines miser-width
                pprint-dispatch pretty radix readably right-margin)
  (declare (ignore array base case circle escape gensym length level lines miser-width pprint-dispatch pretty radix readably right-margin))
  (let ((variables '()) (values '()))
    (do ((tail arguments (cddr tail))) ((null tail))
      (let ((variable (cdr (assoc (car tail) '((:array . *print-array*) (:base . *print-base*) (:case . *print-case*)
                                               (:circle . *print-circle*) (:escape . *print-escape*) (:gensym . *print-gensym*)
                                               (:length . *print-length*) (:level . *print-level*) (:lines . *print-lines*)
                                               (:miser-width . *print-miser-width*) (:pprint-dispatch . *print-pprint-dispatch*)
                                               (:pretty . *print-pretty*) (:radix . *print-radix*) (:readably . *print-readably*)
                                               (:right-margin . *print-right-margin*))))))
        (when (and variable (not (member variable variables)))
          (push variable variables)
          (push (cadr tail) values))))
    (progv variables values
      (output-object object (%printer-stream stream)))))

(defun prin1 (object &optional stream)
  (or (%write-plain object stream 1)
      (let ((*print-escape* t)) (output-object object (%printer-stream stream))))
  object)

(defun princ (object &optional stream)
  (or (%write-plain object stream 0)
      (let ((*print-escape* nil) (*print-readably* nil)) (output-object object (%printer-stream stream))))
  object)

(defun print (object &optional stream)
  (let ((stream (%printer-stream stream)))
    (write-char #\Newline stream)
    (prin1 object stream)
    (write-char #\Space stream)
    object))

(defun write-to-string (object &rest arguments &key &allow-other-keys)
  (let ((stream (%make-string-output-stream 'character)))
    (apply #'write object :stream stream arguments)
    (get-output-stream-string stream)))

(defun prin1-to-string (object)
  (let ((stream (%make-string-output-stream 'character)))
    (prin1 object stream)
    (get-output-stream-string stream)))

(defun %write-plain-control (stream control arguments)
  (do ((start 0) (end (length control)))
      ((>= start end))
    (let ((tilde (or (position #\~ control :start start) end)))
      (if (< start tilde) (write-string control stream :start start :end tilde))
      (if (< tilde end)
          (case (char control (1+ tilde))
            ((#\A #\a) (princ (pop arguments) stream))
            ((#\S #\s) (prin1 (pop arguments) stream))
            ((#\D #\d) (let ((object (pop arguments)))
                         (or (%write-integer object stream 10 0 #\Space #\, 0 nil)
                             (let ((*print-base* 10) (*print-radix* nil)) (write-string (princ-to-string object) stream)))))
            (#\% (terpri stream))
            (#\& (fresh-line stream))
            (t (write-char #\~ stream))))
      (setq start (+ tilde 2)))))

(defun %format-plain (destination control &rest arguments)
  "FORMAT with a plain control string."
  (cond ((null destination)
         (let ((stream (%make-string-output-stream 'character)))
           (%write-plain-control stream control arguments)
           (get-output-stream-string stream)))
        ((eq destination t) (%write-plain-control *standard-output* control arguments) nil)
        ((streamp destination) (%write-plain-control destination control arguments) nil)
        ((and (stringp destination) (array-has-fill-pointer-p destination))
         (%write-plain-control (%make-fill-pointer-output-stream destination) control arguments)
         nil)
        (t (error 'type-error :datum destination :expected-type '(or null (eql t) stream string)))))

(defun princ-to-string (object)
  (let ((stream (%make-string-output-stream 'character)))
    (princ object stream)
    (get-output-stream-string stream)))
