;;;; debug.lisp: what happens to an error that nobody handles: a report and the end, or the interactive debugger.
;;;;
;;;; SYS:%BACKTRACE gives frames as (function-name arguments file line), the innermost first.  What the user is shown begins behind the
;;;; functions that signal and ends before those that start the program.

(in-package "SYS")

(defvar *batch-p* nil "True while an uncaught error ends the process: scripts, --quit.")
(defvar *debug-level* 0 "Number of debuggers that are entered and not left.")
(defvar *debug-condition* nil "The condition that the debugger was entered for.")
(defvar *debug-frames* nil "The frames that the debugger shows.")

;;; -- Backtraces --

(defvar *signalling-functions*
  '(%debugger invoke-debugger error cerror signal warn break %leaf-error %undefined-call %dispatch-miss %interrupt %retry-call
    %decoding-call %encoding-call %signal %backtrace %frames)
  "Functions whose frames at the innermost end are not shown.")
(defvar *starting-functions* '(%toplevel %run-actions %run-script %eval-text %load-stream %load-forms %load-source %call-with-compilation-unit load eval %evaluate %eval-call %eval-by-compiler
    %eval-by-compiler-or-macro %eval-progn %repl %repl-eval %read-eval-print %call-from-c)
  "Functions whose frames at the outermost end are not shown.")

(defun %frames ()
  "The frames between the place of an error and the start of the program."
  (let ((frames (%backtrace)) (start nil))
    (do ((l frames (cdr l)) (n 0 (1+ n))) ((or (null l) (= n 30)))
      (when (member (caar l) *signalling-functions*) (setq start (cdr l))))
    (let ((shown (reverse (or start frames))))
      (do () ((not (and shown (or (member (caar shown) *starting-functions*) (null (caar shown))))))
        (pop shown))
      (nreverse shown))))

(defmacro %with-safe-printing (&body body)
  `(let ((*print-readably* nil) (*print-pretty* nil) (*print-length* 8) (*print-level* 4) (*print-circle* nil)
         (*print-escape* t) (*print-base* 10) (*print-radix* nil) (*print-array* t))
     ,@body))

(defun %write-safely (stream function)
  "Writes what the function prints; an error in it is noted instead."
  (let ((text (handler-case (with-output-to-string (out) (funcall function out))
                (serious-condition (c) (if (typep c 'ext:swap-error) "#<what prints this cannot be fetched from shadow space>" "#<error while printing>")))))
    (write-string text stream)))

(defun %write-place (file line stream)
  (when file
    (write-string file stream)
    (when line
      (write-char #\: stream)
      (write-string (%decimal line) stream))))

(defun %write-frame (frame n stream)
  (format stream "~3D: " n)
  (%write-safely stream (lambda (out) (prin1 (cons (first frame) (second frame)) out)))
  (when (third frame)
    (write-string "  " stream)
    (%write-place (third frame) (fourth frame) stream))
  (terpri stream))

(defun %write-backtrace (frames stream &optional (limit 40))
  (%with-safe-printing
    (let ((n 0))
      (dolist (frame frames)
        (when (>= n limit)
          (format stream "     ... ~D more~%" (- (length frames) n))
          (return))
        (%write-frame frame n stream)
        (incf n)))))

(defun %write-condition (condition stream)
  "The condition's type and report."
  (%with-safe-printing
    (%write-safely stream (lambda (out) (prin1 (type-of condition) out)))
    (write-string ": " stream)
    (%write-safely stream (lambda (out) (let ((*print-escape* nil)) (princ condition out))))
    (terpri stream)))

(defun %library-file-p (file) (eql (mismatch "lisp/" file) 5))

(defun %error-place (frames)
  "File and line of the innermost frame of the user's code, a cons; else of the top-level form that is being evaluated; or NIL."
  (let ((frame (find-if (lambda (frame) (and (third frame) (not (%library-file-p (third frame))))) frames)))
    (cond (frame (cons (third frame) (fourth frame)))
          ((consp (cdr *source-place*)) (cons (car *source-place*) (cadr *source-place*)))
          (t *source-place*))))

(defun %report-error (condition stream frames)
  "What is printed for an error before the process ends or the debugger asks: type, report, place."
  (%write-condition condition stream)
  (let ((place (%error-place frames)))
    (when place
      (write-string "  at " stream)
      (%write-place (car place) (cdr place) stream)
      (terpri stream))))

(defvar *dying* nil "True while an error is being reported that ends the process.")

(defun %die (condition)
  "Reports an error that nobody handles and ends the process with code 1; code 130 after an interrupt."
  (when *dying* (%last-words "there is an error in what reports an error"))
  (let ((out *error-output*) (frames (%frames)) (*dying* t))
    (finish-output *standard-output*)
    (when (typep condition 'ext:interactive-interrupt)
      (fresh-line out)
      (write-line "Interrupted." out)
      (ext:quit 130))
    (fresh-line out)
    (write-string "Unhandled " out)
    (%report-error condition out frames)
    (write-line "Backtrace:" out)
    (%write-backtrace frames out)
    (finish-output out)
    (ext:quit 1)))

;;; -- Backtraces kept as data --

(defun %plain-data (object)
  "The object without anything that could hold code: conses are copied, symbols without a package too, and what is no symbol, string or number is printed."
  (cond ((consp object) (cons (%plain-data (car object)) (%plain-data (cdr object))))
        ((symbolp object) (if (symbol-package object) object (make-symbol (symbol-name object))))
        ((or (numberp object) (characterp object)) object)
        ((stringp object) (copy-seq object))
        (t (%printed-safely object))))

(defun %printed-safely (object)
  (with-output-to-string (out) (%write-safely out (lambda (out) (prin1 object out)))))

(defun ext:backtrace-as-list (&key (count 1000))
  "The frames from the caller's on, the innermost first, at most COUNT: each a list of the function's name, its arguments as strings (printed, abbreviated), and file and line,
or NIL and NIL if they are not known.  It is plain data, names and places: it may be kept and keeps neither code nor arguments alive.  (Clozure CL has the function too;
its arguments are the objects.)"
  (let ((frames (cdr (member 'ext:backtrace-as-list (%backtrace (+ count 10)) :key #'car))) (data '()))
    (%with-safe-printing
      (dotimes (i (min count (length frames)) (nreverse data))
        (destructuring-bind (name arguments file line function) (pop frames)
          (declare (ignore function))
          (push (list (%plain-data name) (mapcar #'%printed-safely arguments) (and file (copy-seq file)) line) data))))))

(defun ext:print-backtrace (&key (stream *debug-io*) (count 40))
  "Writes the frames from the caller's on, at most COUNT, as the debugger shows them."
  (%write-backtrace (cdr (member 'ext:print-backtrace (%backtrace (+ count 10)) :key #'car)) stream count))

;;; -- The debugger --

(defun %show-restarts (restarts out)
  (write-line "Restarts:" out)
  (let ((n 0) (names nil))
    (dolist (restart restarts)
      (let ((name (restart-name restart)))
        (format out "~3D: " n)
        (if (or (null name) (member name names))
            (write-string "" out)
            (format out "[~A] " name))
        (push name names)
        (%write-safely out (lambda (out) (princ restart out)))
        (terpri out)
        (incf n)))))

(defun %debug-help (out)
  (write-line "Forms are evaluated.  Commands:
  N or :r N   invoke restart N          :bt [N]   backtrace (N frames)
  :c          continue, if possible     :f N      show frame N
  :e          show the error again      :q        back to top level
  :a          back one level            :help     this" out))

(defun %choose-restart (n restarts out)
  (if (and (integerp n) (< -1 n (length restarts)))
      (invoke-restart-interactively (nth n restarts))
      (format out "There is no restart ~S.~%" n)))

(defun %show-frame (n out)
  (let ((frame (and (integerp n) (>= n 0) (nth n *debug-frames*))))
    (if (null frame)
        (format out "There is no frame ~S.~%" n)
        (%with-safe-printing
          (%write-frame frame n out)
          (let ((i 0))
            (dolist (argument (second frame))
              (format out "     argument ~D = " i)
              (%write-safely out (lambda (out) (prin1 argument out)))
              (terpri out)
              (incf i)))))))

(defun %debug-command (form restarts in out)
  "Does what a keyword or number typed at the debugger means; false if the form is none of these."
  (flet ((argument () (read-from-string (read-line in nil "") nil nil)))
    (case form
      (:r (%choose-restart (argument) restarts out) t)
      ((:bt :b) (%write-backtrace *debug-frames* out (let ((n (argument))) (if (integerp n) n 40))) t)
      (:f (%show-frame (argument) out) t)
      (:e (%report-error *debug-condition* out *debug-frames*) (%show-restarts restarts out) t)
      ((:c :continue)
       (let ((restart (find-restart 'continue *debug-condition*)))
         (if restart (invoke-restart-interactively restart) (write-line "There is no way to continue." out))
         t))
      ((:q :abort :top) (throw '%top-level nil))
      (:a (invoke-restart (find 'abort restarts :key #'restart-name)))
      ((:help :h :?) (%debug-help out) t)
      (t (cond ((and (integerp form) (>= form 0)) (%choose-restart form restarts out) t))))))

(defun %debugger (condition)
  "The interactive debugger, entered by INVOKE-DEBUGGER; it is left by a restart only.  In a script: a report and exit code 1."
  (when *batch-p* (%die condition))
  (when (> *debug-level* 50) (%exit 1))
  (let* ((*debug-level* (1+ *debug-level*))
         (*debug-condition* condition)
         (*debug-frames* (%frames))
         (restarts (compute-restarts condition))
         (level *debug-level*)
         (out *debug-io*)
         (*standard-input* out) (*standard-output* out)
         (*handler-clusters* '()) (*read-suppress* nil) (*print-readably* nil)
         (*readtable* *readtable*))
    (finish-output *stdout*)
    (fresh-line out)
    (%report-error condition out *debug-frames*)
    (%show-restarts restarts out)
    (when (= *debug-level* 1) (write-line "(:help for commands)" out))
    (do () (nil)
      (with-simple-restart (abort "Back to debugger level ~D." level)
        (%read-eval-print *debug-io* (lambda (form) (%debug-command form restarts *debug-io* out)))))))
