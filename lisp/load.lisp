;;;; load.lisp: CLHS chapters 24 and 25: loading of source text (LOAD itself is in units.lisp), modules, time, other programs.

(in-package "SYS")

(setq *features*
      (append '(:windfall :ansi-cl :common-lisp :unix :linux :x86-64 :64-bit :little-endian :ieee-floating-point :unicode)
              *features*))

(defvar *load-pathname* nil "What LOAD loads (CLHS *LOAD-PATHNAME*).")
(defvar *load-truename* nil "The truename of what LOAD loads (CLHS *LOAD-TRUENAME*).")
(defvar *load-verbose* nil "Default of LOAD's :VERBOSE.")
(defvar *load-print* nil "Default of LOAD's :PRINT.")
(defvar *source-place* nil "Where the top-level form comes from that is being compiled: (file . line), or (file line . places) with what
%READ-WITH-PLACES returns.")
(defvar *modules* nil "Names of modules that were provided (CLHS *MODULES*).")

;;; -- LOAD --

(defun %skip-to-form (stream)
  "Skips whitespace and line comments, so that the stream's line is that of the form."
  (do () (nil)
    (let ((c (peek-char t stream nil nil)))
      (if (eql c #\;) (read-line stream nil) (return c)))))

(defun %skip-interpreter-line (stream)
  "Skips the first line of a script if it begins with #!."
  (when (eql (peek-char nil stream nil nil) #\#)
    (read-char stream)
    (if (eql (peek-char nil stream nil nil) #\!) (read-line stream nil) (unread-char #\# stream))))

(defun %read-form-of-file (stream name)
  "The next form, STREAM at the end; *SOURCE-PLACE* becomes its place."
  (%skip-to-form stream)
  (let ((line (or (%stream-line stream) 1)))
    (setq *source-place* (cons name line))
    (multiple-value-bind (form done places) (%read-with-places stream)
      (cond (done
             (setq *source-place* (list* name line places))
             form)
            (t (read stream nil stream))))))

(defun %load-forms (stream name print)
  "Reads and evaluates all forms of the stream."
  (let ((*source-place* nil))
    (%skip-interpreter-line stream)
    (do ((form (%read-form-of-file stream name) (%read-form-of-file stream name))) ((eq form stream) t)
      (if print
          (dolist (value (multiple-value-list (eval form))) (format t "~&; ~S~%" value))
          (eval form)))))

(defun %load-stream (stream pathname verbose print)
  (let ((*readtable* *readtable*)
        (*package* *package*)
        (*unit-owner* nil)
        (*load-pathname* pathname)
        (*load-truename* (if pathname (ignore-errors (truename pathname)))))
    (let ((name (if pathname (namestring pathname) "stream")))
      (when verbose (format t "~&; Loading ~A~%" name))
      (%with-compilation-unit nil (%load-forms stream name print))
      t)))

(defun %source-file (pathname)
  "The pathname, or the one with type lisp if only that is a file."
  (if (and (null (pathname-type pathname)) (pathname-name pathname) (not (probe-file pathname)))
      (let ((lisp (make-pathname :type "lisp" :defaults pathname)))
        (if (probe-file lisp) lisp pathname))
      pathname))

;;; -- Modules --

(defun provide (module)
  "Note that a module is there (CLHS PROVIDE)."
  (pushnew (string module) *modules* :test #'string=)
  t)

(defun require (module &optional pathnames)
  "Load a module unless it was provided: the files given, or NAME.lisp of the working directory, or the system of that name (CLHS REQUIRE)."
  (let ((name (string module)))
    (unless (member name *modules* :test #'string=)
      (let ((files (cond ((null pathnames)
                          (remove nil (list (or (probe-file (make-pathname :name name :type "lisp"))
                                                (probe-file (make-pathname :name (string-downcase name) :type "lisp"))))))
                         ((listp pathnames) pathnames)
                         (t (list pathnames)))))
        (mapc #'load files)
        (unless (or files (%require-system name)) (error "The module ~A is not known." name))
        t))))

;;; -- Time --

(defconstant internal-time-units-per-second 1000000)
(defconstant %unix-epoch 2208988800 "Universal time of the beginning of 1970.")

(defun %days-before-year (year)
  "Days from the beginning of 1900 to that of the year."
  (let ((y (1- year)))
    (- (+ (* 365 (- year 1900)) (floor y 4) (- (floor y 100)) (floor y 400)) 460)))

(defun %leap-year-p (year)
  (and (zerop (mod year 4)) (or (plusp (mod year 100)) (zerop (mod year 400)))))

(defun %days-before-month (month year)
  (+ (svref #(0 0 31 59 90 120 151 181 212 243 273 304 334) month)
     (if (and (> month 2) (%leap-year-p year)) 1 0)))

(defun %decode-days (days)
  "Day, month and year of the day that is so many days after the first of 1900."
  (let ((year (+ 1900 (floor days 366))))
    (do () ((< days (%days-before-year (1+ year)))) (incf year))
    (let* ((day (- days (%days-before-year year))) (month 12))
      (do () ((>= day (%days-before-month month year))) (decf month))
      (values (1+ (- day (%days-before-month month year))) month year))))

(defun decode-universal-time (universal-time &optional time-zone)
  "Second, minute, hour, date, month, year, day of the week (Monday is 0), daylight-p and zone of a universal time (CLHS DECODE-UNIVERSAL-TIME)."
  (multiple-value-bind (offset daylight-p)
      (if time-zone (values (* -3600 time-zone) nil) (%local-time-offset (- universal-time %unix-epoch)))
    (multiple-value-bind (days seconds) (floor (+ universal-time offset) 86400)
      (multiple-value-bind (date month year) (%decode-days days)
        (multiple-value-bind (hour rest) (floor seconds 3600)
          (multiple-value-bind (minute second) (floor rest 60)
            (values second minute hour date month year (mod days 7) daylight-p
                    (or time-zone (/ (- (if daylight-p 3600 0) offset) 3600)))))))))

(defun %full-year (year)
  "The year that two digits stand for: the nearest to the current one."
  (if (<= 0 year 99)
      (let* ((now (nth-value 5 (decode-universal-time (get-universal-time) 0)))
             (full (+ year (* 100 (floor now 100)))))
        (cond ((>= (- full now) 50) (- full 100))
              ((< (- full now) -50) (+ full 100))
              (t full)))
      year))

(defun encode-universal-time (second minute hour date month year &optional time-zone)
  "The universal time of a decoded time; without zone, local time (CLHS ENCODE-UNIVERSAL-TIME)."
  (let* ((year (%full-year year))
         (days (+ (%days-before-year year) (%days-before-month month year) date -1))
         (time (+ second (* 60 (+ minute (* 60 (+ hour (* 24 days))))))))
    (if time-zone
        (+ time (* 3600 time-zone))
        (let ((guess (- time (%local-time-offset (- time %unix-epoch)))))
          (- time (%local-time-offset (- guess %unix-epoch)))))))

(defun get-decoded-time ()
  "The current time, decoded (CLHS GET-DECODED-TIME)."
  (decode-universal-time (get-universal-time)))

(defun sleep (seconds)
  "Wait for a number of seconds (CLHS SLEEP); NIL."
  (unless (and (realp seconds) (not (minusp seconds)))
    (error 'type-error :datum seconds :expected-type '(real 0)))
  (let ((left (min (round (* (rational seconds) 1000000000)) (ash 1 60))))
    (do () ((eql left 0) nil) (setq left (%sleep left)))))

(defmacro time (form)
  `(%time (function (lambda () ,form))))

(defun %write-seconds (microseconds stream)
  (multiple-value-bind (seconds rest) (truncate microseconds 1000000)
    (format stream "~D.~6,'0D" seconds rest)))

(defun %time (function)
  "Calls the function and prints on *TRACE-OUTPUT* how long that took (CLHS TIME)."
  (let ((real (get-internal-real-time)) (run (get-internal-run-time)))
    (multiple-value-prog1 (funcall function)
      (let ((out *trace-output*) (real (- (get-internal-real-time) real)) (run (- (get-internal-run-time) run)))
        (fresh-line out)
        (%write-seconds real out)
        (write-string " seconds of real time, " out)
        (%write-seconds run out)
        (write-line " seconds of processor time" out)))))

;;; -- The environment --

(defvar ext:*command-line-arguments* nil "The words of the command line behind the program's name.")

(defun (setf ext:getenv) (value name) (%setenv name value))

(defun ext:quit (&optional (code 0) &key abort)
  "End the process with an exit code.  Cleanup forms are run and output is written; with ABORT only the latter."
  (let ((code (if (integerp code) (logand code 255) (if code 0 1))))
    (if abort (%exit code) (throw '%quit code))))

(defun lisp-implementation-type () "The name of this Lisp (CLHS LISP-IMPLEMENTATION-TYPE)." "Windfall")
(defun lisp-implementation-version () "Its version (CLHS LISP-IMPLEMENTATION-VERSION)." "0.1.0")
(defun machine-instance () "The host's name (CLHS MACHINE-INSTANCE)." (second (%system-names)))
(defun machine-type () "The processor's architecture (CLHS MACHINE-TYPE)." (fifth (%system-names)))
(defun software-type () "The system's name (CLHS SOFTWARE-TYPE)." (first (%system-names)))
(defun software-version () "The system's version (CLHS SOFTWARE-VERSION)." (third (%system-names)))
(defun short-site-name () "NIL: not known (CLHS SHORT-SITE-NAME)." nil)
(defun long-site-name () "NIL: not known (CLHS LONG-SITE-NAME)." nil)

(defun machine-version ()
  "The processor's model, or NIL (CLHS MACHINE-VERSION)."
  (with-open-file (in "/proc/cpuinfo" :if-does-not-exist nil)
    (when in
      (do ((line (read-line in nil) (read-line in nil))) ((null line) nil)
        (let ((colon (position #\: line)))
          (when (and colon (eql (mismatch "model name" line) 10))
            (return (string-trim " " (subseq line (1+ colon))))))))))

(defun ed (&optional x)
  "Edit a file with the program that the environment's EDITOR names (CLHS ED); T if it ended well."
  (let ((editor (ext:getenv "EDITOR")))
    (unless editor (error "The environment variable EDITOR names no editor."))
    (when (and x (symbolp x)) (error "~S: only files can be edited." x))
    (eql 0 (ext:run-program editor (if x (list (ext:native-namestring (merge-pathnames x)))) :input t))))

(defvar *dribble* nil "What DRIBBLE undoes: the file's stream, and what *STANDARD-INPUT* and *STANDARD-OUTPUT* were.")

(defun dribble (&optional pathname)
  "Record what is read and written in a file; without argument, stop (CLHS DRIBBLE)."
  (when *dribble*
    (setq *standard-input* (second *dribble*) *standard-output* (third *dribble*))
    (close (first *dribble*))
    (setq *dribble* nil))
  (when pathname
    (let ((stream (open pathname :direction :output :if-exists :append :if-does-not-exist :create)))
      (setq *dribble* (list stream *standard-input* *standard-output*)
            *standard-input* (make-echo-stream *standard-input* stream)
            *standard-output* (make-broadcast-stream *standard-output* stream))))
  nil)

;;; -- Other programs --

(defun %null-descriptor (mode) (or (%open-descriptor "/dev/null" mode) (error "There is no /dev/null.")))

(defun %read-all (descriptor)
  "What can be read from a descriptor, a string; the descriptor is closed."
  (with-open-stream (in (%stream-over descriptor :input '(character 0 nil) '(:utf-8 :replacement #\?) nil nil nil nil))
    (with-output-to-string (out)
      (do ((c (read-char in nil) (read-char in nil))) ((null c)) (write-char c out)))))

(defun %wait (process)
  (do ((code (%wait-process process t) (%wait-process process t))) (code code)))

(defun ext:run-program (program arguments &key input (output t) (error t) (wait t) directory environment)
  "Run a program, found along PATH, with arguments, a list of strings.
INPUT is NIL (nothing), T (ours) or a file; OUTPUT is NIL (thrown away), T (ours), a file, :STRING or, if WAIT is false, :STREAM; ERROR
is NIL, T, a file or :OUTPUT.  ENVIRONMENT is a list of NAME=VALUE strings that replaces ours.
Values: the exit code (minus a signal's number if one ended it), or NIL with WAIT false; the output as string or stream; the process's number."
  (let ((opened nil) (reader nil))
    (flet ((descriptor (x mode)
             (cond ((eq x t) nil)
                   ((null x) (car (push (%null-descriptor mode) opened)))
                   ((eq mode 1) (car (push (or (%open-descriptor (ext:native-namestring (merge-pathnames x)) 1)
                                               (%system-file-error "read" (pathname x) 2))
                                           opened)))
                   ((member x '(:string :stream))
                    (multiple-value-bind (in out) (%pipe)
                      (push out opened)
                      (setq reader in)
                      out))
                   (t (car (push (or (%open-descriptor (ext:native-namestring (merge-pathnames x)) 22)
                                     (%system-file-error "write" (pathname x) 13))
                                 opened))))))
      (let* ((in (descriptor input 1))
             (out (descriptor output 2))
             (err (if (eq error :output) (or out 1) (descriptor error 2))))
        (multiple-value-bind (process number)
            (%spawn (cons program arguments) in out err (if directory (ext:native-namestring directory)) environment)
          (mapc #'%close-descriptor opened)
          (unless process
            (when reader (%close-descriptor reader))
            (error "Cannot run ~A: ~A." program (%error-text number)))
          (let ((text (cond ((eq output :string) (%read-all reader))
                            ((eq output :stream) (%stream-over reader :input '(character 0 nil) :utf-8 nil nil nil nil)))))
            (values (if wait (%wait process)) text process)))))))
