;;;; repl.lisp: what the command line asks for, and the loop that reads, evaluates and prints.

(in-package "SYS")

(defvar - nil) (defvar + nil) (defvar ++ nil) (defvar +++ nil)
(defvar * nil) (defvar ** nil) (defvar *** nil)
(defvar / nil) (defvar // nil) (defvar /// nil)

;;; -- Read, eval, print --

(defun %prompt-name ()
  "The shortest name of the current package."
  (let ((best (package-name *package*)))
    (dolist (name (package-nicknames *package*) best)
      (when (< (length name) (length best)) (setq best name)))))

(defun %prompt ()
  (%with-text (out)
    (write-string (%prompt-name) out)
    (when (plusp *debug-level*)
      (write-char #\[ out)
      (write-string (%decimal *debug-level*) out)
      (write-char #\] out))
    (write-string "> " out)))

(defun %skip-rest-of-line (stream)
  "Skips blanks that were typed behind a form, up to the end of the line."
  (do () ((not (listen stream)))
    (let ((c (read-char stream nil #\Newline)))
      (cond ((eql c #\Newline) (return))
            ((not (member c '(#\Space #\Tab))) (unread-char c stream) (return))))))

(defun %repl-read-form (stream)
  "A form that the user types, STREAM at the end of the input."
  (if (interactive-stream-p stream)
      (let ((prompt (%prompt)))
        (fresh-line stream)
        (unless (%set-prompt prompt (make-string (length prompt) :initial-element #\Space))
          (write-string prompt stream)
          (finish-output stream))
        (unwind-protect (read-preserving-whitespace stream nil stream)
          (%set-prompt nil nil)))
      (read-preserving-whitespace stream nil stream)))

(defun %repl-eval (form)
  "Evaluates a form as the REPL does, with its variables; the list of values."
  (setq - form)
  (let ((values (multiple-value-list (eval form))))
    (setq /// // // / / values
          *** ** ** * * (car values)
          +++ ++ ++ + + form)
    values))

(defun %read-eval-print (stream &optional (command (constantly nil)))
  "One form: read, evaluated, its values printed.  COMMAND is asked first; what it returns true for is done."
  (let ((form (%repl-read-form stream)))
    (cond ((eq form stream)
           (when (interactive-stream-p stream) (terpri stream))
           (ext:quit (if (plusp *debug-level*) 1 0)))
          ((funcall command form))
          (t (%skip-rest-of-line stream)
             (let ((values (%repl-eval form)))
               (fresh-line)
               (dolist (value values)
                 (prin1 value)
                 (terpri)))))))

(defun %repl ()
  "Reads, evaluates and prints until the input ends."
  (do () (nil)
    (catch '%top-level
      (with-simple-restart (abort "Back to top level.")
        (%read-eval-print *terminal-io*)))
    (setq *debug-level* 0)))

;;; -- The command line --

(defun %eval-text (text)
  "Evaluates all forms of a string."
  (with-input-from-string (in text)
    (do ((form (read in nil in) (read in nil in))) ((eq form in))
      (eval form))))

(defun %load-init-file ()
  (let ((file (or (getf *application-options* :init-file) (merge-pathnames ".windfallrc" (user-homedir-pathname) nil))))
    (load file :if-does-not-exist nil)))

(defun %run-script (name)
  (if (string= name "-")
      (%load-stream *standard-input* nil nil nil)
      (load (ext:parse-native-namestring name))))

(defun %run-actions (actions)
  (dolist (action actions)
    (ecase (car action)
      (:eval (%eval-text (cdr action)))
      (:load (load (ext:parse-native-namestring (cdr action)))))))

(defun %toplevel (actions script arguments no-init quit)
  "Does what the command line says: ACTIONS is a list of (:EVAL . text) and (:LOAD . file).  Returns the exit code."
  (setq ext:*command-line-arguments* arguments
        *package* (find-package "COMMON-LISP-USER")
        *source-place* nil
        *batch-p* (and (or script quit (not (interactive-stream-p *stdin*))) t))
  (catch '%quit
    (with-simple-restart (abort "End the program.")
      (%call-startup-functions ext:*restore-lisp-functions*)
      (%call-startup-functions ext:*lisp-startup-functions*)
      (when *application-options* (%run-application arguments))
      (when (%swap-torture-p) (%torture-swapping))
      (unless (or no-init script) (%load-init-file))
      (%run-actions actions)
      (when script
        (%run-script script)
        (ext:quit 0))
      (when quit (ext:quit 0))
      (setq *batch-p* nil)
      (%repl))
    1))
