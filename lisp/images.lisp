;;;; images.lisp: SAVE-IMAGE, SAVE-APPLICATION, and what happens when an image starts.
;;;;
;;;; The names and keywords are Clozure CL's.  The writing is done by a process forked for it (prim/images.c), in which %PREPARE-IMAGE is the last Lisp
;;;; function that runs: so the process that asks is not disturbed, whatever it is doing.

(in-package "SYS")

(export '(ext::save-image ext::save-application ext::*save-exit-functions* ext::*restore-lisp-functions* ext::*lisp-startup-functions*
          ext::application ext::lisp-development-system ext::toplevel-function ext::*application*)
        "EXT")

(defvar ext:*save-exit-functions* '() "Functions of no arguments, called before an image is saved, the first of the list first.")
(defvar ext:*restore-lisp-functions* '() "Functions of no arguments, called when a saved image starts, the last of the list first.")
(defvar ext:*lisp-startup-functions* '() "The same, called behind those of *RESTORE-LISP-FUNCTIONS*.")
(defvar ext:*application* nil "The application that runs, if the image was saved with one.")
(declaim (special - + ++ +++ * ** *** / // ///))
(defvar *application-options* '() "What SAVE-APPLICATION was told: a property list.")

(defclass ext:application () ()
  (:documentation "What SAVE-APPLICATION's APPLICATION-CLASS is a subclass of."))
(defclass ext:lisp-development-system (ext:application) ()
  (:documentation "The default: the command line and the REPL."))

(defgeneric ext:toplevel-function (application init-file)
  (:documentation "What an application does that was saved with APPLICATION-CLASS and without TOPLEVEL-FUNCTION."))

;;; -- Saving --

(defun %prepare-image ()
  "The last function that runs in a process that saves an image.  NIL, or a string that says what failed."
  (setq *batch-p* t)
  (handler-case
      (progn
        (dolist (f ext:*save-exit-functions*) (funcall f))
        (%forget-definers)
        (setq - nil + nil ++ nil +++ nil * nil ** nil *** nil / nil // nil /// nil
              *debug-level* 0 *source-place* nil *batch-p* nil ext:*command-line-arguments* nil ext:*application* nil)
        nil)
    (serious-condition (c)
      (handler-case (format nil "a function of *SAVE-EXIT-FUNCTIONS* failed: ~A" c)
        (error () "a function of *SAVE-EXIT-FUNCTIONS* failed")))))

(defun %application-options (toplevel-function init-file error-handler application-class)
  (when toplevel-function (coerce toplevel-function 'function))
  (unless (member error-handler '(nil :quit :quit-quietly :listener))
    (error 'type-error :datum error-handler :expected-type '(member nil :quit :quit-quietly :listener)))
  (let ((class (if (symbolp application-class) (find-class application-class) application-class)))
    (append (and toplevel-function (list :toplevel-function toplevel-function))
            (and init-file (list :init-file (namestring init-file)))
            (and error-handler (list :error-handler error-handler))
            (and (not (eq class (find-class 'ext:lisp-development-system))) (list :application-class class)))))

(defun %clear-clos-caches ()
  "Empties the caches of all generic functions that symbols name."
  (do-all-symbols (symbol)
    (when (fboundp symbol)
      (let ((f (fdefinition symbol)))
        (when (typep f 'standard-generic-function) (%forget-effective f))))))

(defun %compression-level (compression)
  (case compression
    ((nil) 0)
    ((t) 9)
    (t (unless (typep compression '(integer 1 19)) (error 'type-error :datum compression :expected-type '(or boolean (integer 1 19))))
       compression)))

(defun %save (filename options runtime mode clear-clos-caches impurify purify compression)
  "Writes the image; FILE-ERROR or another error if that fails."
  (let* ((pathname (translate-logical-pathname (merge-pathnames filename)))
         (old *application-options*)
         (level (%compression-level compression))
         (runtime (if (member runtime '(nil t :whole :slim)) runtime (ext:native-namestring (truename runtime)))))
    (when clear-clos-caches (%clear-clos-caches))
    (multiple-value-bind (problem number)
        (unwind-protect
             (progn
               (setq *application-options* options)
               (%save-world (ext:native-namestring pathname) runtime
                            (if runtime (logior mode (ash (logand mode #o444) -2)) mode)
                            (or (getf options :toplevel-function) (getf options :application-class))
                            impurify purify level))
          (setq *application-options* old))
      (cond ((null problem) pathname)
            ((plusp number)
             (error 'simple-file-error :pathname pathname :format-control "Cannot save ~A: ~A (~A)."
                                       :format-arguments (list (namestring pathname) problem (%error-text number))))
            (t (error "Cannot save ~A: ~A." (namestring pathname) problem))))))

(defun ext:save-image (filename &key toplevel-function init-file error-handler (application-class 'ext:lisp-development-system) clear-clos-caches
                                  impurify (purify (not impurify)) (mode #o644) prepend-kernel (executable prepend-kernel) compression)
  "Writes the Lisp world to the file FILENAME and goes on; its pathname.  What runs, and special bindings, are not saved: the image starts with global values.
TOPLEVEL-FUNCTION: called with no arguments when the image starts; the process ends when it returns.  INIT-FILE: loaded before.
ERROR-HANDLER: what an unhandled error does: :QUIT (report it, exit code 1), :QUIT-QUIETLY, :LISTENER (the debugger).
EXECUTABLE (or PREPEND-KERNEL): T makes a program that runs by itself; a pathname names the file to take the runtime from; :WHOLE leaves the slim runtime of
delivered programs out, :SLIM takes it instead, an error if something refers to what it has not.  MODE: permission bits.
IMPURIFY: true brings what lies in pure space back to the heap, and the image has none; unless PURIFY, which else is the default, is true too: then it is made anew,
without what is obsolete.  PURIFY: NIL leaves pure space as it is, except that code of compiled files that are loaded goes there.
COMPRESSION: T or a level of zstd from 1 to 19 (T is 9): the file is shorter, starts later, and its processes share nothing.
FILE-ERROR if the file cannot be written; then what was there before is still there."
  (%save filename (%application-options toplevel-function init-file error-handler application-class) executable mode clear-clos-caches impurify purify compression))

(defun ext:save-application (filename &rest keys &key toplevel-function init-file error-handler application-class clear-clos-caches
                                                   purify impurify mode prepend-kernel executable compression)
  "Writes the Lisp world to the file FILENAME as SAVE-IMAGE does, with the same keywords, and ends the process (Clozure CL's SAVE-APPLICATION)."
  (declare (ignore toplevel-function init-file error-handler application-class clear-clos-caches purify impurify mode prepend-kernel executable compression))
  (apply #'ext:save-image filename keys)
  (ext:quit 0))

;;; -- Starting --

(defun %call-startup-functions (functions)
  (dolist (f (reverse functions))
    (with-simple-restart (continue "Skip the startup function ~S." f)
      (funcall f))))

(defun %run-application (arguments)
  "Starts what the image was saved for, if anything; it does not return then."
  (declare (ignorable arguments))
  (let* ((options *application-options*) (function (getf options :toplevel-function)) (class (getf options :application-class))
         (on-error (getf options :error-handler (if (or function class) :quit :listener))))
    (setq *batch-p* (or *batch-p* (not (eq on-error :listener))))
    (flet ((run ()
             (when class (setq ext:*application* (make-instance class)))
             (when (and (getf options :init-file) (or function class))
               (load (getf options :init-file) :if-does-not-exist nil))
             (cond (function (funcall function) (ext:quit 0))
                   (class (ext:toplevel-function ext:*application* (getf options :init-file)) (ext:quit 0)))))
      (if (eq on-error :quit-quietly)
          (handler-bind ((error (lambda (c) (declare (ignore c)) (ext:quit 1)))) (run))
          (run)))))
