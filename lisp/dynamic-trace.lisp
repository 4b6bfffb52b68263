;;;; dynamic-trace.lisp: windfall deliver --trace: what names a program finds at run time, written down; files of names that delivered programs keep.
;;;;
;;;; A traced program is the whole system with the program in it, nothing shaken off, in which the functions of *DYNAMIC-FUNCTIONS* note what
;;;; they find.  What is new is appended to the file that WINDFALL_NAMES names, at once: so it survives however the program ends.
;;;;
;;;; A keep-file is a list of lines, each a form, sorted: so that files can be compared, united and edited.
;;;;
;;;;     (:symbol "APP" "CMD-ADD")    the symbol stays, with function, value, properties, class
;;;;     (:package "APP")             the package stays
;;;;     (:directive "R")             FORMAT's directive stays
;;;;     (:option :keep-eval)         the level's default of that keyword yields
(in-package "SYS")

;;; -- In the traced program --

(defvar *traced-names* nil "What has been noted; NIL: nothing is traced.")

(defvar *tracing-names* nil "True while something is noted.")

(defun %trace-note (entry)
  "Appends the entry to the file of names if there is one and the entry is new."
  (let ((file (ext:getenv "WINDFALL_NAMES")))
    (unless (or (null file) (gethash entry *traced-names*))
      (setf (gethash entry *traced-names*) t)
      (with-open-file (out (ext:parse-native-namestring file) :direction :output :if-exists :append :if-does-not-exist :create)
        (with-standard-io-syntax (format out "~S~%" entry))))))

(defun %trace-symbol (symbol)
  (let ((package (symbol-package symbol)))
    (unless (or (null package) (member (package-name package) '("KEYWORD" "WINDFALL-SYSTEM") :test #'string=))
      (%trace-note (list :symbol (package-name package) (symbol-name symbol))))))

(defun %trace-tree (object)
  "Notes the symbols in what was read."
  (do () ((not (consp object)))
    (%trace-tree (car object))
    (setq object (cdr object)))
  (cond ((null object))
        ((symbolp object) (%trace-symbol object))
        ((packagep object) (%trace-note (list :package (package-name object))))
        ((simple-vector-p object) (map nil #'%trace-tree object))
        ((typep object 'structure-object) (%trace-symbol (type-of object)))))

(defun %trace-control (control)
  "Notes the directives of a control string."
  (do ((start (position #\~ control) (position #\~ control :start start))) ((null start))
    (let ((at (position-if-not (lambda (c) (or (digit-char-p c) (find c "+-,#vV:@"))) control :start (1+ start))))
      (when (and at (char= (char control at) #\') (< (1+ at) (length control)))
        (setq at (position-if-not (lambda (c) (or (digit-char-p c) (find c "+-,#vV:@"))) control :start (+ at 2))))
      (unless at (return))
      (%trace-note (list :directive (string (char-upcase (char control at)))))
      (setq start (1+ at)))))

(defun %trace-calls-from-program-p ()
  "Was the traced function called by the program, or by something of the library that nobody vouches for?"
  (let ((frame (find-if-not (lambda (frame) (equal (third frame) "lisp/dynamic-trace.lisp")) (%backtrace 12))))
    (or (null frame)
        (not (%vouched-p (list :library (< (%address (fifth frame)) (%address *library-end*)) :function (%name-text (first frame)) :file (third frame)) '())))))

(defun %trace-results (kind arguments values)
  "Notes what a function of that kind found."
  (case kind
    ((:symbol :symbols :package)
     (%trace-tree (if (eq kind :symbol) (if (or (consp (car values)) (cadr values)) (car values) nil) (car values)))
     (when (and (eq kind :symbol) (cdr arguments)) (%trace-tree (find-package (cadr arguments)))))
    (:format (when (stringp (cadr arguments)) (%trace-control (cadr arguments))))
    (t (when (%trace-calls-from-program-p)
         (dolist (keyword (case kind
                            (:reader '(:keep-lisp-reader))
                            (:evaluator '(:keep-eval :keep-macros :keep-clos))
                            (t '(:keep-load-function :keep-lisp-reader :keep-eval :keep-macros :keep-clos))))
           (%trace-note (list :option keyword))))
       (when (eq kind :reader) (%trace-tree (car values))))))

(defun %trace-function (name kind)
  (let ((function (fdefinition name)))
    (%set-function name
      (lambda (&rest arguments)
        (let ((values (multiple-value-list (apply function arguments))))
          (unless *tracing-names*
            (let ((*tracing-names* t))
              (%trace-results kind arguments values)))
          (values-list values))))))

(defun %trace-names ()
  "Makes the functions that find names note what they find; in the process that writes a traced program."
  (setq *traced-names* (make-hash-table :test 'equal))
  (dolist (entry *dynamic-functions*)
    (unless (eq (third entry) :option) (%trace-function (first entry) (third entry)))))

;;; -- Keep-files --

(defun %read-keep-file (file)
  "The entries of a keep-file."
  (with-open-file (in file)
    (with-standard-io-syntax
      (let ((*read-eval* nil) (entries '()))
        (do ((entry (read in nil in) (read in nil in))) ((eq entry in) (nreverse entries))
          (unless (and (consp entry) (member (car entry) '(:symbol :package :directive :option)))
            (%delivery-error "~A: ~S says nothing that a keep-file can say." (namestring file) entry))
          (push entry entries))))))

(defun %write-keep-file (file entries)
  (let ((lines (mapcar (lambda (entry) (with-standard-io-syntax (format nil "~(~S~)~{ ~S~}" (car entry) (cdr entry)))) entries)))
    (with-open-file (out file :direction :output :if-exists :supersede)
      (format out ";;; Names that the program finds at run time: windfall deliver keeps them, and --trace adds to them.~%~{(~A)~%~}"
              (sort lines #'string<)))))

(defun %keep-file-of (file)
  "The keep-file beside a source."
  (make-pathname :type "keep" :version nil :defaults file))

(defun %traced-run (function output command keep-file)
  "Writes a traced program, has the shell run COMMAND, and unites what was found with the keep-file."
  (let ((names (ext:native-namestring (make-pathname :type "names" :version nil :defaults (merge-pathnames output)))))
    (when (probe-file (ext:parse-native-namestring names)) (delete-file (ext:parse-native-namestring names)))
    (ext:deliver function output 0 :trace-names t)
    (setf (ext:getenv "WINDFALL_NAMES") names)
    (let ((code (ext:run-program "/bin/sh" (list "-c" command) :input t :output t)))
      (setf (ext:getenv "WINDFALL_NAMES") nil)
      (unless (eql code 0) (format *error-output* "; the traced command ended with ~D~%" code)))
    (let* ((file (ext:parse-native-namestring names))
           (found (if (probe-file file) (remove-duplicates (%read-keep-file file) :test #'equal) '()))
           (old (if (probe-file keep-file) (%read-keep-file keep-file) '())))
      (when (probe-file file) (delete-file file))
      (%write-keep-file keep-file (remove-duplicates (append found old) :test #'equal))
      (format *error-output* "; ~A: ~D name~:P, ~D new~%" (%shown-file (ext:native-namestring keep-file))
              (length (union found old :test #'equal)) (length (set-difference found old :test #'equal))))))
