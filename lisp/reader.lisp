;;; reader.lisp: the reader (CLHS 2, 23) as it is when the C reader is not enough.
;;;
;;; READ first lets C try (%READ-FAST): it reads what is in the stream's buffer if it has only standard syntax.  Otherwise %READ-FORM takes one step
;;; of the algorithm of CLHS 2.2: it skips whitespace and calls a macro function or gathers a token; lists try C again for each element.
;;; Both ways make the same objects, so it does not matter where the one ends and the other begins.
;;;
;;; The state of a READ is in three variables, bound by the outermost call: how many backquotes are around (less the commas), the labels
;;; of #n=, and whether C has given up for good.  The readtable's own macro functions are symbols of this file.

(in-package "SYS")

(defvar *backquotes* 0)
(defvar *labels* nil "List of (n object used-p): what #n= has labelled; object is the entry itself while it is being read.")
(defvar *slowly* nil)

(define-condition reader-package-error (reader-error package-error) ())
(%make-simple-class (find-class 'reader-package-error))

;;; -- Readtables --

(defvar *standard-macros*
  '(#\" %read-string #\' %read-quote #\( %read-list #\) %read-close #\, %read-comma #\; %read-comment #\` %read-backquote
    #\# %read-dispatch))

(defvar *standard-dispatches*
  '(#\\ %sharp-character #\' %sharp-function #\( %sharp-vector #\* %sharp-bits #\: %sharp-uninterned #\. %sharp-eval
    #\B %sharp-binary #\O %sharp-octal #\X %sharp-hexadecimal #\R %sharp-radix #\C %sharp-complex #\A %sharp-array
    #\S %sharp-structure #\P %sharp-pathname #\= %sharp-label #\# %sharp-reference #\+ %sharp-plus #\- %sharp-minus
    #\| %sharp-comment #\< %sharp-illegal #\) %sharp-illegal #\Space %sharp-illegal #\Newline %sharp-illegal
    #\Tab %sharp-illegal #\Page %sharp-illegal #\Return %sharp-illegal))

(defun %standard-readtable ()
  (let ((readtable (%make-readtable *standard-macros*)))
    (%set-dispatch-table #\# readtable
                         (do ((tail *standard-dispatches* (cddr tail))
                              (entries nil (acons (char-code (car tail)) (cadr tail) entries)))
                             ((null tail) entries)))
    readtable))

(defvar *standard-readtable* (%standard-readtable))
(defvar *readtable* (%copy-readtable *standard-readtable* nil) "The current readtable.")

(defun %readtable (designator)
  (or designator *standard-readtable*))

(defun copy-readtable (&optional (from *readtable*) to)
  "A copy of the readtable, or of the standard one if FROM is NIL; in TO if that is given (CLHS 23.2)."
  (%copy-readtable (%readtable from) to))

(defsetf readtable-case %set-readtable-case)

(defun get-macro-character (char &optional (readtable *readtable*))
  "The macro function of the character or NIL, and whether it is non-terminating (CLHS 23.2)."
  (multiple-value-bind (syntax function) (%char-syntax char (%readtable readtable))
    (if (or (eql syntax 2) (eql syntax 3))
        (values function (eql syntax 3))
        (values nil nil))))

(defun set-macro-character (char function &optional non-terminating-p (readtable *readtable*))
  "Makes the character a macro character with that function (CLHS 23.2)."
  (%set-char-syntax char (%readtable readtable) (if non-terminating-p 3 2) function))

(defun make-dispatch-macro-character (char &optional non-terminating-p (readtable *readtable*))
  "Makes the character a dispatching macro character without sub-characters (CLHS 23.2)."
  (let ((readtable (%readtable readtable)))
    (%set-char-syntax char readtable (if non-terminating-p 3 2) '%read-dispatch)
    (%set-dispatch-table char readtable nil)))

(defun %check-dispatch (char readtable)
  (unless (and (characterp char) (eq (nth-value 1 (%char-syntax char readtable)) '%read-dispatch))
    (error "~S is not a dispatching macro character." char)))

(defun get-dispatch-macro-character (char sub-char &optional (readtable *readtable*))
  "The function of the sub-character or NIL (CLHS 23.2)."
  (let ((readtable (%readtable readtable)))
    (%check-dispatch char readtable)
    (if (digit-char-p sub-char)
        nil
        (%dispatch-function char sub-char readtable))))

(defun set-dispatch-macro-character (char sub-char function &optional (readtable *readtable*))
  "Gives the sub-character of a dispatching macro character that function (CLHS 23.2)."
  (let ((readtable (%readtable readtable)))
    (%check-dispatch char readtable)
    (when (digit-char-p sub-char) (error "The digit ~S cannot be a sub-character." sub-char))
    (%set-dispatch-function char sub-char function readtable)))

(defun set-syntax-from-char (to-char from-char &optional (to-readtable *readtable*) from-readtable)
  "Gives TO-CHAR the syntax of FROM-CHAR (CLHS 23.2)."
  (let ((to (%readtable to-readtable)) (from (%readtable from-readtable)))
    (multiple-value-bind (syntax function) (%char-syntax from-char from)
      (let ((dispatch (%dispatch-table from-char from)))
        (%set-char-syntax to-char to syntax function)
        (when (eq function '%read-dispatch)
          (%set-dispatch-table to-char to (copy-alist (cdr dispatch)))))
      t)))

;;; -- Errors --

(defun %reader-error (stream control &rest arguments)
  (error 'reader-error :stream stream :format-control control :format-arguments arguments))

(defun %reader-eof (stream)
  (error 'end-of-file :stream stream))

;;; -- READ --

(defun %input-designator (stream)
  (cond ((null stream) *standard-input*)
        ((eq stream t) *terminal-io*)
        (t stream)))

(defun %drop-whitespace (stream)
  "Consumes the character behind a form if it is whitespace."
  (let ((char (peek-char nil stream nil nil)))
    (when (and char (eql (values (%char-syntax char *readtable*)) 1))
      (read-char stream))))

(defun %read-toplevel (stream eof-error-p eof-value recursive-p preserve)
  (multiple-value-bind (form how) (%read-fast stream (if preserve 5 1) (if recursive-p *backquotes* 0))
    (cond ((eq how t) form)
          ((eq how :eof)
           (if eof-error-p (%reader-eof stream) eof-value))
          (recursive-p
           (%read-form stream eof-error-p eof-value))
          (t
           (let ((*backquotes* 0) (*labels* nil) (*slowly* (eq how :slow)))
             (let ((form (%read-form stream eof-error-p eof-value)))
               (unless preserve (%drop-whitespace stream))
               (if *read-suppress* nil form)))))))

(defun read (&optional stream (eof-error-p t) eof-value recursive-p)
  "Reads an object from the stream (CLHS 23.2)."
  (%read-toplevel (%input-designator stream) eof-error-p eof-value recursive-p recursive-p))

(defun read-preserving-whitespace (&optional stream (eof-error-p t) eof-value recursive-p)
  "Reads an object and leaves the whitespace behind it (CLHS 23.2)."
  (%read-toplevel (%input-designator stream) eof-error-p eof-value recursive-p t))

(defun read-from-string (string &optional (eof-error-p t) eof-value &key (start 0) end preserve-whitespace)
  "Reads an object from the string; the second value is the index behind it (CLHS 23.2)."
  (multiple-value-bind (form index how) (%read-string-fast string start end preserve-whitespace)
    (cond ((eq how t) (values form index))
          ((and (eq how :eof) (not eof-error-p)) (values eof-value index))
          (t
           (let* ((stream (make-string-input-stream string start end))
                  (form (%read-toplevel stream eof-error-p eof-value nil preserve-whitespace)))
             (values form (file-position stream)))))))

(defun %read (stream)
  "An object within another one."
  (if *slowly*
      (%read-form stream t nil)
      (%read-toplevel stream t nil t t)))

(defun %read-form (stream eof-error-p eof-value)
  (loop
    (multiple-value-bind (char syntax macro) (%skip-whitespace stream *readtable*)
      (cond ((null char)
             (return (if eof-error-p (%reader-eof stream) eof-value)))
            ((or (eql syntax 2) (eql syntax 3))
             (let ((values (multiple-value-list (funcall macro stream char))))
               (when values (return (car values)))))
            (t
             (multiple-value-bind (object why) (%read-atom stream char)
               (when (eq why :dot) (%reader-error stream "A dot outside of a list."))
               (return object)))))))

;;; -- Tokens --

(defmacro %with-stream-of-errors ((stream) form)
  "The values of the form, a call of a leaf that does not know the stream; its reader errors get it."
  `(handler-bind ((reader-error (lambda (c)
                                  (%reader-error ,stream "~?" (simple-condition-format-control c) (simple-condition-format-arguments c)))))
     ,form))

(defun %gather (stream char)
  "The token that begins with the character."
  (let ((token (%make-token)))
    (%token-add token *readtable* char)
    (when (eq (%read-token stream *readtable* token) :eof) (%reader-eof stream))
    token))

(defun %read-atom (stream char)
  "The number or symbol that begins with the character; or NIL and :DOT.  A suppressed token may be anything, a dot too."
  (let ((token (%gather stream char)))
    (if *read-suppress*
        (values nil nil)
        (multiple-value-bind (object why) (%with-stream-of-errors (stream) (%token-object token *readtable*))
          (case why
            ((nil) object)
            (:dot (values nil :dot))
            (t (%token-trouble stream object why)))))))

(defun %token-trouble (stream object why)
  "What a token with an error stands for when the error is continued."
  (case why
    (:dots (%reader-error stream "A token of dots only."))
    (:colons (%reader-error stream "Wrong package markers in ~S." object))
    (:invalid (%reader-error stream "The character ~S cannot be part of a token." object))
    (:no-package
     (cerror "Read the symbol into the current package." 'reader-package-error
             :stream stream :package (car object)
             :format-control "There is no package ~A (reading ~:*~A:~A)." :format-arguments (list (car object) (cdr object)))
     (values (intern (cdr object))))
    (t
     (multiple-value-bind (symbol status) (find-symbol (cdr object) (car object))
       (declare (ignore symbol))
       (cerror "Use it all the same." 'reader-package-error
               :stream stream :package (car object)
               :format-control (if status "The symbol ~A is not external in ~A." "There is no symbol ~A in ~A.")
               :format-arguments (list (cdr object) (package-name (car object)))))
     (values (intern (cdr object) (car object))))))

;;; -- Lists --

(defun %read-element (stream)
  "An element of a list and T; or NIL and :CLOSE or :DOT."
  (loop
    (multiple-value-bind (form how) (if *slowly* nil (%read-fast stream 6 *backquotes*))
      (when (or (eq how t) (eq how :close)) (return (values form how)))
      (when (eq how :eof) (%reader-eof stream)))
    (multiple-value-bind (char syntax macro) (%skip-whitespace stream *readtable*)
      (cond ((null char) (%reader-eof stream))
            ((or (eql syntax 2) (eql syntax 3))
             (when (eq macro '%read-close) (return (values nil :close)))
             (let ((values (multiple-value-list (funcall macro stream char))))
               (when values (return (values (car values) t)))))
            (t
             (multiple-value-bind (object why) (%read-atom stream char)
               (return (values object (or why t)))))))))

(defun %read-tail (stream)
  "What is behind the dot of a list."
  (multiple-value-bind (object how) (%read-element stream)
    (unless (eq how t) (%reader-error stream "Nothing behind a dot in a list."))
    (unless (eq (nth-value 1 (%read-element stream)) :close)
      (%reader-error stream "More than one object behind a dot in a list."))
    object))

(defun %read-list (stream char)
  (declare (ignore char))
  (let ((head nil) (tail nil))
    (loop
      (multiple-value-bind (object how) (%read-element stream)
        (case how
          (:close (return head))
          (:dot
           (when (null tail) (%reader-error stream "Nothing before a dot in a list."))
           (rplacd tail (%read-tail stream))
           (return head))
          (t
           (let ((cell (cons object nil)))
             (if tail (rplacd tail cell) (setq head cell))
             (setq tail cell))))))))

(defun read-delimited-list (char &optional stream recursive-p)
  "Reads objects up to the character, into a list (CLHS 23.2)."
  (let ((stream (%input-designator stream)))
    (if recursive-p
        (%read-delimited-list char stream)
        (let ((*backquotes* 0) (*labels* nil) (*slowly* nil))
          (let ((objects (%read-delimited-list char stream)))
            (if *read-suppress* nil objects))))))

(defun %read-delimited-list (delimiter stream)
  (let ((objects nil))
    (loop
      (multiple-value-bind (char syntax macro) (%skip-whitespace stream *readtable*)
        (cond ((null char) (%reader-eof stream))
              ((char= char delimiter) (return (nreverse objects)))
              ((or (eql syntax 2) (eql syntax 3))
               (let ((values (multiple-value-list (funcall macro stream char))))
                 (when values (push (car values) objects))))
              (t
               (multiple-value-bind (object why) (%read-atom stream char)
                 (when (eq why :dot) (%reader-error stream "A dot outside of a list."))
                 (push object objects))))))))

(defun %read-close (stream char)
  (%reader-error stream "An unmatched ~A." char))

;;; -- Strings, comments, quotes --

(defun %read-string (stream delimiter)
  (let ((out (make-string-output-stream)) (readtable *readtable*))
    (loop
      (let ((char (read-char stream t nil t)))
        (cond ((char= char delimiter)
               (return (if *read-suppress* nil (get-output-stream-string out))))
              ((eql (values (%char-syntax char readtable)) 4)
               (write-char (read-char stream t nil t) out))
              (t (write-char char out)))))))

(defun %read-comment (stream char)
  (declare (ignore char))
  (read-line stream nil nil t)
  (values))

(defun %read-quote (stream char)
  (declare (ignore char))
  (list 'quote (%read stream)))

(defun %read-backquote (stream char)
  (declare (ignore char))
  (let ((template (let ((*backquotes* (+ *backquotes* 1))) (%read stream))))
    (if *read-suppress*
        nil
        (multiple-value-bind (form ok) (%bq-expand template)
          (unless ok (%reader-error stream "A ,@ where nothing can be spliced into."))
          form))))

(defun %read-comma (stream char)
  (declare (ignore char))
  (when (and (eql *backquotes* 0) (not *read-suppress*))
    (%reader-error stream "A comma outside of a backquote."))
  (let* ((next (peek-char nil stream t nil t))
         (head (case next (#\@ 'unquote-splicing) (#\. 'unquote-nsplicing) (t 'unquote))))
    (unless (eq head 'unquote) (read-char stream t nil t))
    (list head (let ((*backquotes* (- *backquotes* 1))) (%read stream)))))

;;; -- Dispatching --

(defun %read-dispatch (stream char)
  (let ((argument nil) (sub-char (read-char stream t nil t)))
    (loop
      (let ((digit (and (char<= #\0 sub-char #\9) (digit-char-p sub-char))))
        (unless digit (return))
        (setq argument (+ (* 10 (or argument 0)) digit)
              sub-char (read-char stream t nil t))))
    (let ((function (%dispatch-function char sub-char *readtable*)))
      (cond (function (funcall function stream sub-char argument))
            (*read-suppress* (%read stream) nil)
            (t (%reader-error stream "There is no dispatch function for ~A~A." char sub-char))))))

(defun %no-argument (stream sub-char argument)
  (when (and argument (not *read-suppress*))
    (%reader-error stream "#~D~A: no argument is allowed here." argument sub-char)))

(defun %sharp-illegal (stream sub-char argument)
  (declare (ignore argument))
  (%reader-error stream "#~A cannot be read." (if (graphic-char-p sub-char) sub-char (char-name sub-char))))

(defun %sharp-comment (stream sub-char argument)
  (declare (ignore sub-char argument))
  (let ((level 1) (char (read-char stream t nil t)))
    (loop
      (let ((next (read-char stream t nil t)))
        (cond ((and (char= char #\|) (char= next #\#))
               (when (eql (setq level (- level 1)) 0) (return (values)))
               (setq next (read-char stream t nil t)))
              ((and (char= char #\#) (char= next #\|))
               (setq level (+ level 1) next (read-char stream t nil t))))
        (setq char next)))))

(defun %sharp-character (stream sub-char argument)
  (declare (ignore sub-char argument))
  (let ((char (read-char stream t nil t)) (token (%make-token)))
    (when (eq (%read-token stream *readtable* token) :eof) (%reader-eof stream))
    (let ((rest (%token-string token nil)))
      (cond (*read-suppress* nil)
            ((string= rest "") char)
            (t
             (let ((name (concatenate 'string (string char) rest)))
               (or (name-char name) (%reader-error stream "There is no character named ~A." name))))))))

(defun %sharp-function (stream sub-char argument)
  (%no-argument stream sub-char argument)
  (list 'function (%read stream)))

(defun %sharp-vector (stream sub-char argument)
  (let ((list (%read-list stream sub-char)))
    (cond (*read-suppress* nil)
          ((not (proper-list-p list)) (%reader-error stream "A vector with a dot."))
          ((null argument) (coerce list 'vector))
          (t (%padded-vector stream list argument (make-array argument))))))

(defun %padded-vector (stream list length vector)
  "The vector filled with the list's elements, the last of which fills up the rest."
  (when (> (length list) length) (%reader-error stream "#~D: more elements than that." length))
  (when (and (null list) (> length 0)) (%reader-error stream "#~D: no element to fill the vector with." length))
  (when list (fill vector (car (last list))))
  (replace vector list))

(defun %sharp-bits (stream sub-char argument)
  (declare (ignore sub-char))
  (let ((token (%make-token)))
    (when (eq (%read-token stream *readtable* token) :eof) (%reader-eof stream))
    (if *read-suppress*
        nil
        (let* ((string (%token-string token nil))
               (bits (map 'list (lambda (c)
                                  (case c (#\0 0) (#\1 1) (t (%reader-error stream "~S is not a bit." c))))
                          string)))
          (%padded-vector stream bits (or argument (length bits))
                          (make-array (or argument (length bits)) :element-type 'bit))))))

(defun %sharp-uninterned (stream sub-char argument)
  (%no-argument stream sub-char argument)
  (let ((token (%make-token)))
    (when (eq (%read-token stream *readtable* token) :eof) (%reader-eof stream))
    (multiple-value-bind (name colons) (%token-string token *readtable*)
      (cond (*read-suppress* nil)
            ((> colons 0) (%reader-error stream "Package markers in ~S behind #:." name))
            (t (make-symbol name))))))

(defun %sharp-eval (stream sub-char argument)
  (%no-argument stream sub-char argument)
  (let ((form (%read stream)))
    (cond (*read-suppress* nil)
          ((not *read-eval*) (%reader-error stream "#. is not allowed while *READ-EVAL* is NIL."))
          (t (eval form)))))

;;; -- Numbers --

(defun %read-rational (stream base)
  (let ((token (%make-token)))
    (when (eq (%read-token stream *readtable* token) :eof) (%reader-eof stream))
    (if *read-suppress*
        nil
        (let* ((string (%token-string token nil))
               (number (if (svref token 3) nil (%with-stream-of-errors (stream) (%parse-number string base)))))
          (unless (rationalp number) (%reader-error stream "~A is not a rational in base ~D." string base))
          number))))

(defun %sharp-binary (stream sub-char argument)
  (%no-argument stream sub-char argument)
  (%read-rational stream 2))
(defun %sharp-octal (stream sub-char argument)
  (%no-argument stream sub-char argument)
  (%read-rational stream 8))
(defun %sharp-hexadecimal (stream sub-char argument)
  (%no-argument stream sub-char argument)
  (%read-rational stream 16))
(defun %sharp-radix (stream sub-char argument)
  (declare (ignore sub-char))
  (cond (*read-suppress* (%read stream) nil)
        ((and argument (<= 2 argument 36)) (%read-rational stream argument))
        (t (%reader-error stream "#R needs a radix between 2 and 36, not ~S." argument))))

(defun %sharp-complex (stream sub-char argument)
  (%no-argument stream sub-char argument)
  (let ((parts (%read stream)))
    (cond (*read-suppress* nil)
          ((and (proper-list-p parts) (eql (length parts) 2) (realp (car parts)) (realp (cadr parts)))
           (complex (car parts) (cadr parts)))
          (t (%reader-error stream "~S is not a pair of reals behind #C." parts)))))

;;; -- Arrays, structures, pathnames --

(defun %content-dimensions (stream rank contents)
  (let ((dimensions nil))
    (dotimes (i rank (nreverse dimensions))
      (unless (typep contents 'sequence) (%reader-error stream "~S is no sequence; #~DA needs one." contents rank))
      (let ((length (length contents)))
        (push length dimensions)
        (setq contents (if (eql length 0) nil (elt contents 0)))))))

(defun %sharp-array (stream sub-char argument)
  (declare (ignore sub-char))
  (let ((contents (%read stream)))
    (cond (*read-suppress* nil)
          (argument
           (make-array (%content-dimensions stream argument contents) :initial-contents contents))
          ((and (proper-list-p contents) (eql (length contents) 3))
           (make-array (car contents) :element-type (cadr contents) :initial-contents (caddr contents)))
          (t (%reader-error stream "#A needs a rank, or a list of dimensions, element type and contents.")))))

(defun %sharp-structure (stream sub-char argument)
  (%no-argument stream sub-char argument)
  (let ((form (%read stream)))
    (cond (*read-suppress* nil)
          ((not (and (consp form) (proper-list-p form) (symbolp (car form))))
           (%reader-error stream "~S is not a structure's name and slots." form))
          ((eq (car form) 'random-state) (%words-random-state (caddr form)))
          (t
           (let* ((description (%structure-description (car form)))
                  (constructor (and description (find-if-not #'cdr (%sd-constructors description)))) (arguments nil))
             (unless (and constructor (car constructor))
               (%reader-error stream "~S is not a structure type with a keyword constructor." (car form)))
             (do ((tail (cdr form) (cddr tail)))
                 ((null tail))
               (unless (cdr tail) (%reader-error stream "A slot without a value in ~S." form))
               (push (intern (string (car tail)) "KEYWORD") arguments)
               (push (cadr tail) arguments))
             (apply (car constructor) (nreverse arguments)))))))

(defun %sharp-pathname (stream sub-char argument)
  (%no-argument stream sub-char argument)
  (let ((namestring (%read stream)))
    (cond (*read-suppress* nil)
          ((stringp namestring) (values (parse-namestring namestring)))
          (t (%reader-error stream "~S is not a string behind #P." namestring)))))

;;; -- Features --

(defun %feature-p (x stream)
  (cond ((symbolp x) (if (member x *features* :test #'eq) t nil))
        ((not (proper-list-p x)) (%reader-error stream "~S is not a feature expression." x))
        (t
         (case (car x)
           (:and (every (lambda (y) (%feature-p y stream)) (cdr x)))
           (:or (some (lambda (y) (%feature-p y stream)) (cdr x)))
           (:not
            (unless (eql (length x) 2) (%reader-error stream "~S is not a feature expression." x))
            (not (%feature-p (cadr x) stream)))
           (t (%reader-error stream "~S is not a feature expression." x))))))

(defun %read-conditional (stream wanted)
  (let ((test (let ((*package* (find-package "KEYWORD")) (*read-suppress* nil)) (%read stream))))
    (cond ((eq (%feature-p test stream) wanted) (%read stream))
          (t
           (let ((*read-suppress* t)) (%read stream))
           (values)))))

(defun %sharp-plus (stream sub-char argument)
  (%no-argument stream sub-char argument)
  (%read-conditional stream t))
(defun %sharp-minus (stream sub-char argument)
  (%no-argument stream sub-char argument)
  (%read-conditional stream nil))

;;; -- Labels --

(defun %sharp-label (stream sub-char argument)
  (declare (ignore sub-char))
  (cond (*read-suppress* (values))
        ((null argument) (%reader-error stream "#= needs a number."))
        ((assoc argument *labels*) (%reader-error stream "The label #~D= is there already." argument))
        (t
         (let ((entry (list argument nil nil)))
           (setf (cadr entry) entry)
           (push entry *labels*)
           (let ((object (%read stream)))
             (when (eq object entry) (%reader-error stream "#~D= labels itself." argument))
             (setf (cadr entry) object)
             (if (caddr entry)
                 (%replace-label object entry object (make-hash-table :test 'eq))
                 object))))))

(defun %sharp-reference (stream sub-char argument)
  (declare (ignore sub-char))
  (cond (*read-suppress* nil)
        ((null argument) (%reader-error stream "## needs a number."))
        (t
         (let ((entry (assoc argument *labels*)))
           (unless entry (%reader-error stream "There is no label #~D=." argument))
           (when (eq (cadr entry) entry) (setf (caddr entry) t))
           (cadr entry)))))

(defun %replace-label (object entry value seen)
  "The object with ENTRY replaced by VALUE wherever it is."
  (labels ((known (x)
             (or (gethash x seen) (progn (setf (gethash x seen) t) nil)))
           (walk (x)
             (cond ((eq x entry) value)
                   ((consp x) (walk-list x) x)
                   ((or (symbolp x) (numberp x) (characterp x) (stringp x)) x)
                   ((arrayp x) (unless (known x) (walk-array x)) x)
                   ((%structurep x) (unless (known x) (walk-structure x)) x)
                   (t x)))
           (walk-list (x)
             (loop
               (when (known x) (return))
               (rplaca x (walk (car x)))
               (let ((rest (cdr x)))
                 (cond ((eq rest entry) (rplacd x value) (return))
                       ((consp rest) (setq x rest))
                       (t (rplacd x (walk rest)) (return))))))
           (walk-array (x)
             (when (eq (array-element-type x) t)
               (dotimes (i (array-total-size x))
                 (setf (row-major-aref x i) (walk (row-major-aref x i))))))
           (walk-structure (x)
             (dotimes (i (%layout-ref (%layout-of x) 4))
               (%structure-set x (+ i 1) (walk (%structure-ref x (+ i 1)))))))
    (walk object)))
