;;;; deliver-command.lisp: windfall deliver FILE|SYSTEM [OPTION...].
;;;;
;;;; A system (systems.lisp) is compiled and loaded, and its entry point delivered.
;;;; The file is loaded and its main function delivered.  A file without a main function is a script: then its definitions are evaluated, and its other
;;;; top-level forms, in their order, are the program; they run when the program does.
(in-package "SYS")

(defparameter *deliver-usage*
  "usage: windfall deliver FILE|SYSTEM [OPTION...]

Makes an executable of the program in FILE, Lisp source or a compiled file.  It calls the function MAIN, or that of --main; if there is
neither, all top-level forms that define nothing are the program.
SYSTEM is a definition file, NAME.asd, a folder NAME that has one, or a NAME that is looked for as LOAD-SYSTEM does.  What is out of date of
it is compiled; its :ENTRY-POINT, or the function of --main, is called.

  -o OUT, --output OUT   the executable; default: FILE without its type; the system's :BUILD-PATHNAME or name, beside its definition
  --level N              0 (everything stays) to 5 (the smallest, the default)
  --main NAME            the function to call
  --load FILE            load FILE before
  --compile              compile what is out of date of the system, and do no more
  --KEYWORD VALUE        any keyword of DELIVER, e.g. --keep-eval t --keep-symbols foo,bar; lists are written with commas
  --trace COMMAND        let the shell run COMMAND, which runs OUT, on sample input; names that OUT finds at run time go to FILE's keep-file
  --keep-file FILE       keep the names in FILE, beside those in the keep-file of the program: its name with .keep
  --shed FILE            keep what is shaken off in FILE: the program fetches it when something is missed
  --strict               a name that is made at run time and not vouched for is an error
  --trust                such names reach only what stays anyway
  --explain              write OUT.explain, for windfall explain OUT
  --report FILE          write what is in the program, and why, as an HTML page
  --json FILE            the same as JSON
  --dry-run              tell what would be written; write no executable
  --figures              tell what was left of each kind of link
  --help                 print this
")

(defparameter *defining-operators*
  '(defun defmacro defvar defparameter defconstant defstruct defclass defgeneric defmethod deftype define-condition define-compiler-macro
    define-modify-macro define-setf-expander defsetf define-symbol-macro define-method-combination defpackage declaim proclaim in-package export import use-package
    eval-when require provide macrolet ext:deliver-keep-symbols ext:deliver-keep-symbol-names ext:deliver-keep-packages ext:deliver-keep-classes ext:deliver-trust-names
    ext:delivery-shaker-weak-pointer ext:delivery-shaker-cleanup)
  "Operators of forms that a script's definitions begin with.")

(defun %usage-error (control &rest arguments)
  (format *error-output* "windfall deliver: ~?~%Try windfall deliver --help.~%" control arguments)
  (ext:quit 2))

(defun %command-value (keyword text)
  "The value that TEXT says for a keyword of DELIVER: a list where the keyword takes one."
  (handler-case
      (let ((values (mapcar (lambda (part) (read-from-string part nil nil)) (%split-at #\, text))))
        (if (and (%list-keyword-p keyword) (not (equal values '(:all)))) values (car values)))
    (error (c) (%usage-error "--~(~A~) ~A: ~A" keyword text c))))

(defun %parse-deliver-arguments (arguments)
  "A property list: :FILE, :OUTPUT, :LEVEL, :MAIN, :LOADS, :KEYWORDS."
  (let ((result (list :level 5 :loads '() :keywords '())))
    (flet ((next (option) (or (pop arguments) (%usage-error "~A wants a value." option))))
      (loop
        (when (null arguments) (return result))
        (let ((word (pop arguments)))
          (cond ((member word '("--help" "-h") :test #'string=) (write-string *deliver-usage*) (ext:quit 0))
                ((member word '("-o" "--output") :test #'string=) (setf (getf result :output) (next word)))
                ((string= word "--level") (setf (getf result :level) (position (next word) '("0" "1" "2" "3" "4" "5") :test #'string=)))
                ((string= word "--main") (setf (getf result :main) (next word)))
                ((string= word "--load") (setf (getf result :loads) (append (getf result :loads) (list (next word)))))
                ((string= word "--trace") (setf (getf result :traces) (append (getf result :traces) (list (next word)))))
                ((string= word "--keep-file") (setf (getf result :keep-files) (cons (ext:parse-native-namestring (next word)) (getf result :keep-files))))
                ((string= word "--strict") (setf (getf result :keywords) (list* :dynamic-names :strict (getf result :keywords))))
                ((string= word "--trust") (setf (getf result :keywords) (list* :dynamic-names :trust (getf result :keywords))))
                ((string= word "--explain") (setf (getf result :keywords) (list* :explain t (getf result :keywords))))
                ((string= word "--dry-run") (setf (getf result :keywords) (list* :dry-run t (getf result :keywords))))
                ((string= word "--report") (setf (getf result :keywords) (list* :report (ext:parse-native-namestring (next word)) (getf result :keywords))))
                ((string= word "--shed") (setf (getf result :keywords) (list* :shed (ext:parse-native-namestring (next word)) (getf result :keywords))))
                ((string= word "--json") (setf (getf result :keywords) (list* :json (ext:parse-native-namestring (next word)) (getf result :keywords))))
                ((string= word "--compile") (setf (getf result :compile) t))
                ((string= word "--figures") (setf (getf result :keywords) (list* :call-count t (getf result :keywords))))
                ((eql (mismatch "--" word) 2)
                 (let ((entry (assoc (subseq word 2) *delivery-keywords* :test #'string-equal)))
                   (unless entry (%usage-error "unknown option: ~A" word))
                   (setf (getf result :keywords) (list* (car entry) (next word) (getf result :keywords)))))
                ((getf result :file) (%usage-error "more than one file: ~A" word))
                (t (setf (getf result :file) word))))))))

(defun %read-keyword-values (keywords)
  "Keywords of the command line, the last first, with their values read, which needs the program's packages.  Lists are united, of other values the last counts."
  (do ((tail keywords (cddr tail)) (result '())) ((null tail) result)
    (let* ((keyword (car tail)) (value (if (stringp (cadr tail)) (%command-value keyword (cadr tail)) (cadr tail))) (old (getf result keyword tail)))
      (cond ((eq old tail) (setf (getf result keyword) value))
            ((and (%list-keyword-p keyword) (listp old) (listp value)) (setf (getf result keyword) (append value old)))))))

;;; -- Scripts --

(defun %defines-main-p (file)
  "Does the text of the file have a line with (DEFUN MAIN?"
  (with-open-file (in file :external-format '(:utf-8 :replacement #\?))
    (do ((line (read-line in nil) (read-line in nil))) ((null line) nil)
      (let ((at (search "(defun main" line :test #'char-equal)))
        (when (and at (not (alphanumericp (if (< (+ at 11) (length line)) (char line (+ at 11)) #\Space)))
                   (not (find #\; line :end at)))
          (return t))))))

(defun %script-forms (file)
  "Evaluates the definitions of a script; its other forms, in their order."
  (let ((forms '()))
    (with-open-file (in file)
      (%skip-interpreter-line in)
      (let ((*package* *package*) (*readtable* *readtable*) (*load-pathname* file) (*load-truename* (truename file)) (*source-place* nil) (name (namestring file)))
        (do ((form (%read-form-of-file in name) (%read-form-of-file in name))) ((eq form in) (nreverse forms))
          (if (and (consp form) (member (car form) *defining-operators*))
              (eval form)
              (push form forms)))))))

(defun %script-function (file)
  (let ((forms (%script-forms file)))
    (unless forms (%usage-error "~A has no function MAIN and nothing but definitions." file))
    (compile nil `(lambda () ,@forms))))

(defun %main-function (file name)
  "The function that the program calls; the file is loaded."
  (let ((pathname (ext:parse-native-namestring file)))
    (cond ((and (null name) (not (string-equal (pathname-type pathname) "wfu")) (not (%defines-main-p pathname)))
           (%script-function pathname))
          (t (let* ((package (%load-for-delivery pathname))
                    (symbol (let ((*package* package)) (handler-case (read-from-string (or name "MAIN")) (error (c) (%usage-error "--main ~A: ~A" name c))))))
               (if (and (symbolp symbol) (fboundp symbol))
                   (fdefinition symbol)
                   (%usage-error "~A defines no function ~A." file (or name "MAIN"))))))))

(defun %load-for-delivery (pathname)
  "Loads the file; the package in which the name of its main function is meant: that of its last IN-PACKAGE."
  (let ((package *package*))
    (unless (string-equal (pathname-type pathname) "wfu")
      (with-open-file (in pathname :external-format '(:utf-8 :replacement #\?))
        (do ((line (read-line in nil) (read-line in nil))) ((null line))
          (when (eql (mismatch "(in-package" line :test #'char-equal) 11)
            (setq package (cadr (read-from-string line nil nil)))))))
    (load pathname)
    (or (find-package package) *package*)))

(defun %compile-apart (word loads)
  "Has a process of its own compile what is out of date, so that what is delivered is the same whether it was or not."
  (let ((code (ext:run-program "/proc/self/exe" (list* "deliver" word "--compile" (mapcan (lambda (file) (list "--load" file)) loads)) :input t)))
    (unless (eql code 0) (ext:quit code))))

(defun %program-to-deliver (asked)
  "Loads what is to be delivered: its function, and the pathname that the executable's and keep-file's names come from."
  (let* ((word (getf asked :file)) (system (%system-to-deliver word)) (pathname (ext:parse-native-namestring word)))
    (cond (system
           (let ((*compile-apart* (if (getf asked :compile) nil (lambda () (%compile-apart word (getf asked :loads))))))
             (%load-top-system system nil (interactive-stream-p *error-output*)))
           (when (getf asked :compile) (ext:quit 0))
           (values (%entry-point system (getf asked :main)) (%system-output system)))
          ((getf asked :compile) (%usage-error "--compile: ~A is no system" word))
          ((not (probe-file pathname)) (%usage-error "there is no file ~A, and no system of that name in ~{~A~^, ~}" word (%folders-looked-in nil)))
          (t (values (%main-function word (getf asked :main)) (make-pathname :type nil :version nil :defaults pathname))))))

(defun %deliver-asked (asked)
  (multiple-value-bind (function program) (%program-to-deliver asked)
    (let ((output (if (getf asked :output) (ext:parse-native-namestring (getf asked :output)) program)) (own (%keep-file-of program)))
      (dolist (command (getf asked :traces)) (%traced-run function output command own))
      (let ((keywords (%read-keyword-values (getf asked :keywords))))
        (handler-case (apply #'ext:deliver function output (getf asked :level)
                             :keep-files (append (and (probe-file own) (list own)) (getf asked :keep-files) (getf keywords :keep-files))
                             keywords)
          (file-error (c) (%delivery-error "~A" c))))
      0)))

(defun %deliver-command (arguments)
  "What the command windfall deliver does; the exit code."
  (setq *batch-p* t *package* (find-package "COMMON-LISP-USER") *source-place* nil ext:*command-line-arguments* '())
  (catch '%quit
    (let ((asked (%parse-deliver-arguments arguments)))
      (unless (getf asked :file) (%usage-error "which file or system?"))
      (unless (getf asked :level) (%usage-error "the level is a number from 0 to 5"))
      (handler-case (progn
                      (dolist (name (getf asked :loads)) (load (ext:parse-native-namestring name)))
                      (%deliver-asked asked))
        ((or ext:delivery-error ext:system-definition-error) (c)
          (format *error-output* "windfall deliver: ~A~%" c)
          1)))))
