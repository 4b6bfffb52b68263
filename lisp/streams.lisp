;;;; streams.lisp: CLHS chapter 21, what is policy: OPEN, encoding errors and their restarts, the macros, questions to the user.
;;;;
;;;; A leaf that cannot go on because of malformed bytes, a character that has no encoding, or a signal that came while it waited has consumed
;;;; nothing; it leaves by one of the three functions of the first section, with what is to be called afterwards.

(in-package "SYS")

(export '(ext::stream-decoding-error ext::stream-decoding-error-octets ext::stream-encoding-error ext::stream-encoding-error-code
          ext::native-namestring ext::parse-native-namestring ext::delete-directory ext::current-directory
          ext::quit ext::*command-line-arguments* ext::run-program)
        "EXT")

;;; -- Conditions --

(define-condition simple-stream-error (simple-condition stream-error) ())
(define-condition simple-file-error (simple-condition file-error) ())

(define-condition ext:stream-decoding-error (stream-error)
  ((octets :initarg :octets :reader ext:stream-decoding-error-octets))
  (:report (lambda (c stream)
             (format stream "~S: the bytes ~{~2,'0X~^ ~} are no character in ~S." (stream-error-stream c)
                     (ext:stream-decoding-error-octets c) (stream-external-format (stream-error-stream c)))))
  (:documentation "Bytes that are malformed in the stream's external format.  Restarts: USE-VALUE with a character or string, CONTINUE to skip them."))

(define-condition ext:stream-encoding-error (stream-error)
  ((code :initarg :code :reader ext:stream-encoding-error-code))
  (:report (lambda (c stream)
             (format stream "~S: the character with code ~D cannot be written in ~S." (stream-error-stream c)
                     (ext:stream-encoding-error-code c) (stream-external-format (stream-error-stream c)))))
  (:documentation "A character that the stream's external format cannot express.  Restarts: USE-VALUE with a character or string, CONTINUE to leave it out."))

(defun %retry-call (function &rest arguments)
  "Runs a leaf again that a signal interrupted; the interrupt itself is handled at the entry of this function, a safe point."
  (apply function arguments))

(defun %read-replacement ()
  (format *query-io* "~&Replacement (evaluated): ")
  (finish-output *query-io*)
  (list (eval (read *query-io*))))

(defun %ask-replacement () "%READ-REPLACEMENT, which a delivered program may not have." (%read-replacement))

(defun %decoding-call (stream octets function &rest arguments)
  "Signals that the next bytes of the stream are no character; then runs the leaf again."
  (restart-case (error 'ext:stream-decoding-error :stream stream :octets octets)
    (continue ()
      :report "Skip the malformed bytes."
      (%stream-mend stream ""))
    (use-value (value)
      :report "Read something else instead."
      :interactive %ask-replacement
      (%stream-mend stream (string value))))
  (apply function arguments))

(defun %encoding-call (stream character function &rest arguments)
  "Signals that the stream cannot express the character; then goes on with what stands behind it, if FUNCTION is not NIL."
  (restart-case (error 'ext:stream-encoding-error :stream stream :code (char-code character))
    (continue ()
      :report "Leave the character out.")
    (use-value (value)
      :report "Write something else instead."
      :interactive %ask-replacement
      (write-string (string value) stream)))
  (if function (apply function arguments) character))

;;; -- Macros --

(defmacro with-open-stream ((variable stream) &body body)
  (multiple-value-bind (forms declarations) (%parse-body body)
    (let ((abort (gensym "ABORT")))
      `(let ((,variable ,stream) (,abort t))
         ,@declarations
         (unwind-protect (multiple-value-prog1 (progn ,@forms) (setq ,abort nil))
           (when ,variable (close ,variable :abort ,abort)))))))

(defmacro with-open-file ((variable filename &rest options) &body body)
  `(with-open-stream (,variable (open ,filename ,@options)) ,@body))

(defmacro with-input-from-string ((variable string &key index (start 0) end) &body body)
  (multiple-value-bind (forms declarations) (%parse-body body)
    `(let ((,variable (make-string-input-stream ,string ,start ,end)))
       ,@declarations
       (unwind-protect ,(if index
                            `(multiple-value-prog1 (progn ,@forms) (setf ,index (file-position ,variable)))
                            `(progn ,@forms))
         (close ,variable)))))

(defmacro with-output-to-string ((variable &optional string &key (element-type ''character)) &body body)
  (multiple-value-bind (forms declarations) (%parse-body body)
    (if string
        `(let ((,variable (prog1 (%make-fill-pointer-output-stream ,string) ,element-type)))
           ,@declarations
           (unwind-protect (progn ,@forms) (close ,variable)))
        `(let ((,variable ,(if (equal element-type ''character)
                               '(%make-string-output-stream 'character)
                               `(make-string-output-stream :element-type ,element-type))))
           ,@declarations
           (unwind-protect (progn ,@forms (get-output-stream-string ,variable)) (close ,variable))))))

(defun make-string-output-stream (&key (element-type 'character))
  "An output stream that collects characters for GET-OUTPUT-STREAM-STRING (CLHS MAKE-STRING-OUTPUT-STREAM)."
  (%make-string-output-stream (cond ((eq element-type 'character) element-type)
                                    ((subtypep element-type nil) nil)
                                    ((subtypep element-type 'base-char) 'base-char)
                                    (t 'character))))

(define-compiler-macro make-string-output-stream (&whole form &rest keys)
  (if keys form '(%make-string-output-stream 'character)))

;;; -- External formats and element types --

(defvar *external-formats*
  '((:default . 0) (:utf-8 . 0) (:utf8 . 0) (:latin-1 . 1) (:latin1 . 1) (:iso-8859-1 . 1) (:ascii . 2) (:us-ascii . 2)
    (:utf-16le . 3) (:utf-16be . 4))
  "Names of external formats and their codecs in src/text/text.h.")

(defun %external-format (format)
  "Codec and replacement character of an external format: a name, or (name :REPLACEMENT character)."
  (let ((codec (cdr (assoc (if (consp format) (car format) format) *external-formats*))))
    (unless codec (error "~S is not an external format; known are ~{~S~^ ~}." format (mapcar #'car *external-formats*)))
    (values codec (if (consp format) (getf (cdr format) :replacement)))))

(defun %bits-of-range (low high)
  "Bits of the smallest byte type that has these integers; negative for a signed one."
  (cond ((or (not (integerp low)) (not (integerp high))) nil)
        ((minusp low) (- (1+ (max (integer-length low) (integer-length high)))))
        (t (max 1 (integer-length high)))))

(defun %element-bits (type)
  "Bits of a stream's elements, negative if signed, 0 for characters; and whether the stream takes both characters and bytes."
  (let ((name (if (consp type) (car type) type)) (size (if (consp type) (cadr type) '*)))
    (case name
      ((character base-char standard-char extended-char) 0)
      (:default (values 8 t))
      (unsigned-byte (if (integerp size) size 8))
      (signed-byte (- (if (integerp size) size 8)))
      (bit 1)
      (mod (%bits-of-range 0 (1- size)))
      (fixnum -64)
      (integer (flet ((limit (x add) (if (consp x) (+ (car x) add) x)))
                 (or (and (consp (cdr type)) (consp (cddr type))
                          (%bits-of-range (limit (cadr type) 1) (limit (caddr type) -1)))
                     (if (and (integerp size) (>= size 0)) 8 -8))))
      (t (cond ((subtypep type 'character) 0)
               ((subtypep type '(unsigned-byte 8)) 8)
               ((subtypep type '(signed-byte 8)) -8)
               ((subtypep type '(unsigned-byte 64)) 64)
               ((subtypep type 'integer) -64)
               (t (error "~S is not an element type of file streams." type)))))))

(defun %elements (type)
  "What a file stream must know of its element type: the type, its bits, and whether it takes characters and bytes."
  (multiple-value-bind (bits bivalent) (%element-bits type)
    (list (case type (:default 'character) (unsigned-byte '(unsigned-byte 8)) (signed-byte '(signed-byte 8)) (t type)) bits bivalent)))

(defun %plain-element-type-p (type)
  "Is it clear without the type system what the element type is?"
  (or (%memq type '(character base-char :default unsigned-byte signed-byte bit fixnum))
      (and (consp type) (%memq (car type) '(unsigned-byte signed-byte)) (consp (cdr type)) (integerp (cadr type)) (null (cddr type)))))

;;; -- OPEN --

(defun %file-error (pathname control &rest arguments)
  (error 'simple-file-error :pathname pathname :format-control control :format-arguments arguments))

(defun %system-file-error (what pathname number)
  (%file-error pathname "Cannot ~A ~A: ~A." what (namestring pathname) (%error-text number)))

(defun %temporary-name (native)
  "A name in the same directory that no file has."
  (let ((n 0))
    (loop
      (let ((name (concatenate 'string native ".new" (%decimal (%process-id)) "-" (%decimal n))))
        (unless (or (%file-status name) (%link-exists-p name)) (return name))
        (incf n)))))

(defun %decimal (n)
  "Digits of a natural number."
  (let ((digits nil))
    (loop
      (multiple-value-bind (quotient digit) (truncate n 10)
        (push (code-char (+ 48 digit)) digits)
        (when (zerop quotient) (return (coerce digits 'string)))
        (setq n quotient)))))

(defun open (filename &rest keys &key direction (element-type 'character) if-exists if-does-not-exist external-format)
  "A stream to or from a file (CLHS OPEN).  :SUPERSEDE writes a file of another name, which takes the name when the stream is closed;
EXTERNAL-FORMAT is :UTF-8 (the default), :LATIN-1, :ASCII, :UTF-16LE, :UTF-16BE, or a list of one of them, :REPLACEMENT and a character."
  (declare (ignore direction if-exists if-does-not-exist external-format))
  (apply #'%open-file (%elements element-type) filename keys))

;;; What is known of a constant element type is found out when the call is compiled: a program that opens only such files needs no type system.
(define-compiler-macro open (&whole form filename &rest keys)
  (let ((type ''character))
    (do ((tail (reverse keys) (cddr tail))) ; the first one counts
        ((null tail))
      (cond ((not (keywordp (cadr tail))) (setq type nil) (return))
            ((eq (cadr tail) :element-type) (setq type (car tail)))))
    (cond ((eq type :default) (setq type '':default)))
    (if (and (consp type) (eq (car type) 'quote) (%plain-element-type-p (cadr type)))
        `(%open-file ',(%elements (cadr type)) ,filename ,@keys)
        form)))

(defun %open-file (elements filename &key (direction :input) element-type (if-exists nil if-exists-p) (if-does-not-exist nil if-does-not-exist-p) (external-format :default))
  "OPEN, when the element type has been looked at."
  (declare (ignore element-type))
  (let ((pathname (%physical-pathname filename)))
    (unless (member direction '(:input :output :io :probe))
      (error 'type-error :datum direction :expected-type '(member :input :output :io :probe)))
    (when (wild-pathname-p pathname) (%file-error pathname "Cannot open the wild pathname ~A." (namestring pathname)))
    (unless if-exists-p
      (setq if-exists (if (eq (pathname-version pathname) :newest) :new-version :error)))
    (unless if-does-not-exist-p
      (setq if-does-not-exist
            (cond ((or (eq direction :input) (and (member direction '(:output :io)) (member if-exists '(:overwrite :append)))) :error)
                  ((eq direction :probe) nil)
                  (t :create))))
    (%open pathname (ext:native-namestring pathname) direction elements if-exists if-does-not-exist external-format)))

(defun %open (pathname native direction elements if-exists if-does-not-exist external-format)
  (let ((output (member direction '(:output :io))))
    (unless (member if-exists '(:error :new-version :rename :rename-and-delete :overwrite :append :supersede nil))
      (error 'type-error :datum if-exists
                         :expected-type '(member :error :new-version :rename :rename-and-delete :overwrite :append :supersede nil)))
    (unless (member if-does-not-exist '(:error :create nil))
      (error 'type-error :datum if-does-not-exist :expected-type '(member :error :create nil)))
    (multiple-value-bind (kind size time permissions) (%file-status native)
      (declare (ignore size time))
      (cond ((not kind)
             (case if-does-not-exist
               ((nil) nil)
               (:error (%system-file-error "open" pathname 2))
               (t (%open-stream pathname native direction elements external-format :create nil))))
            ((not output) (%open-stream pathname native direction elements external-format nil nil))
            (t (case if-exists
                 ((nil) nil)
                 (:error (%file-error pathname "The file ~A exists." (namestring pathname)))
                 (:rename
                  (%rename-file native (concatenate 'string native ".bak"))
                  (%open-stream pathname native direction elements external-format :create nil))
                 ((:overwrite :append)
                  (%open-stream pathname native direction elements external-format if-exists nil))
                 (t (if (eql kind 0)
                        (%open-stream pathname (or (%real-path native) native) direction elements external-format :supersede permissions)
                        (%open-stream pathname native direction elements external-format :truncate nil)))))))))

(defun %open-stream (pathname native direction elements external-format how permissions)
  "The stream.  HOW: NIL the file is there; :CREATE, :SUPERSEDE, :TRUNCATE, :OVERWRITE, :APPEND."
  (let* ((access (case direction ((:input :probe) 1) (:output 2) (t 3)))
         (temporary (if (eq how :supersede) (%temporary-name native)))
         (mode (+ access (case how (:create 4) (:supersede 12) (:truncate 16) (:append 32) (t 0)))))
    (multiple-value-bind (descriptor number) (%open-descriptor (or temporary native) mode (or permissions #o666))
      (when (and (not descriptor) temporary)
        (setq temporary nil)
        (multiple-value-setq (descriptor number) (%open-descriptor native (+ access 16))))
      (unless descriptor (%system-file-error "open" pathname number))
      (let ((done nil))
        (unwind-protect
             (multiple-value-prog1
                 (%stream-over descriptor direction elements external-format pathname
                               (if (or temporary (eq how :create)) native) temporary how)
               (setq done t))
          (unless done (%close-descriptor descriptor)))))))

(defun %stream-over (descriptor direction elements external-format pathname file temporary how)
  (multiple-value-bind (codec replacement) (%external-format external-format)
    (destructuring-bind (type bits bivalent) elements
      (let ((stream (%make-file-stream descriptor
                                       (+ (case direction ((:input :probe) 1) (:output 2) (t 3))
                                          (if bivalent 16 0) (if (eq how :create) 64 0))
                                       (if (or (eql bits 0) bivalent) codec 5)
                                       replacement bits type external-format
                                       pathname file temporary (if (eq how :append) :end nil))))
        (when (eq direction :probe) (close stream))
        stream))))

;;; -- Questions --

(defun %ask-question (control arguments answers)
  "Asks on *QUERY-IO* until the line read is one of the answers, an association list of strings and values."
  (loop
    (when control
      (fresh-line *query-io*)
      (apply #'format *query-io* control arguments))
    (format *query-io* " (~{~A~^ or ~}) " (mapcar #'car answers))
    (finish-output *query-io*)
    (let ((answer (assoc (string-trim " 	" (read-line *query-io*)) answers :test #'string-equal)))
      (when answer (return (cdr answer)))
      (format *query-io* "~&Please answer ~{~A~^ or ~}." (mapcar #'car answers)))))

(defun y-or-n-p (&optional control &rest arguments)
  "Ask a question that is answered by y or n (CLHS Y-OR-N-P)."
  (%ask-question control arguments '(("y" . t) ("n" . nil))))

(defun yes-or-no-p (&optional control &rest arguments)
  "Ask a question that is answered by yes or no (CLHS YES-OR-NO-P)."
  (%ask-question control arguments '(("yes" . t) ("no" . nil))))
