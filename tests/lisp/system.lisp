;;; system.lisp: chapter 25 of the standard and the extensions around the process: time, the environment, other programs.

;;; -- Universal time --
(check (decode-universal-time 0 0) => 0 0 0 1 1 1900 0 nil 0)
(check (decode-universal-time 3155673600 0) => 0 0 0 1 1 2000 5 nil 0)
(check (decode-universal-time 3160857599 0) => 59 59 23 29 2 2000 1 nil 0)
(check (decode-universal-time 3160857600 0) => 0 0 0 1 3 2000 2 nil 0)
(check (decode-universal-time 86399 0) => 59 59 23 1 1 1900 0 nil 0)
(check (decode-universal-time 4107542400 0) => 0 0 0 1 3 2030 4 nil 0)
(check (decode-universal-time 3600 1) => 0 0 0 1 1 1900 0 nil 1)
(check (decode-universal-time 7200 -1/2) => 0 30 2 1 1 1900 0 nil -1/2)
(check (encode-universal-time 0 0 0 1 1 1900 0) => 0)
(check (encode-universal-time 0 0 0 1 1 2000 0) => 3155673600)
(check (encode-universal-time 59 59 23 31 12 1999 0) => 3155673599)
(check (encode-universal-time 0 0 0 29 2 2004 0) => 3287001600)
(check (encode-universal-time 0 0 0 1 1 1900 5) => 18000)
(check (encode-universal-time 0 0 12 1 3 2100 0) => 6316574400)
(check (let ((ok t)) (dotimes (i 300 ok)
                       (let ((u (* i 97654321)))
                         (multiple-value-bind (s m h d mo y) (decode-universal-time u 3) (unless (= u (encode-universal-time s m h d mo y 3)) (setq ok u)))))) => t)
(check (multiple-value-bind (s m h d mo y) (decode-universal-time 3900000000) (encode-universal-time s m h d mo y)) => 3900000000)
(check (< (abs (- (get-universal-time) (multiple-value-bind (s m h d mo y) (get-decoded-time) (encode-universal-time s m h d mo y)))) 3) => t)
(check (> (get-universal-time) 3900000000) => t)
(check (length (multiple-value-list (get-decoded-time))) => 9)
(check (let ((year (nth-value 5 (get-decoded-time)))) (< (abs (- year (nth-value 5 (decode-universal-time (encode-universal-time 0 0 0 1 1 (mod year 100) 0) 0)))) 2)) => t)

;;; -- Internal time --
(check (integerp (get-internal-real-time)) => t)
(check (integerp (get-internal-run-time)) => t)
(check (constantp 'internal-time-units-per-second) => t)
(check (let ((a (get-internal-real-time))) (sleep 0.02) (>= (- (get-internal-real-time) a) (floor internal-time-units-per-second 50))) => t)
(check (sleep 0) => nil)
(check (sleep 1/1000) => nil)
(check (sleep -1) =!> type-error)
(check (sleep 'a) =!> type-error)
(check (let ((*trace-output* (make-broadcast-stream))) (time (values 1 2 3))) => 1 2 3)
(check (plusp (length (with-output-to-string (*trace-output*) (time nil)))) => t)

;;; -- What we are --
(check (every (lambda (x) (or (null x) (stringp x)))
              (list (lisp-implementation-type) (lisp-implementation-version) (machine-instance) (machine-type) (machine-version)
                    (software-type) (software-version) (short-site-name) (long-site-name))) => t)
(check (and (member :ansi-cl *features*) (member :common-lisp *features*) t) => t)
#+windfall (check (lisp-implementation-type) => "Windfall")
#+windfall (check internal-time-units-per-second => 1000000)
#+windfall (check (subsetp '(:windfall :unix :linux :64-bit :little-endian :ieee-floating-point) *features*) => t)
#+windfall (check (software-type) => "Linux")

;;; -- The environment --
#+windfall (check (getenv "WINDFALL_NO_SUCH_VARIABLE") => nil)
#+windfall (check (setf (getenv "WINDFALL_TEST") "value") => "value")
#+windfall (check (getenv "WINDFALL_TEST") => "value")
#+windfall (check (progn (setf (getenv "WINDFALL_TEST") nil) (getenv "WINDFALL_TEST")) => nil)
#+windfall (check (getenv 3) =!> type-error)
#+windfall (check (listp *command-line-arguments*) => t)
#+windfall (check (pathnamep (current-directory)) => t)
#+windfall (check (native-namestring (parse-native-namestring "/a/[x]*.y")) => "/a/[x]*.y")
#+windfall (check (native-namestring "/a/b/" :as-file t) => "/a/b")
#+windfall (check (native-namestring "a*") =!> error)

;;; -- Other programs --
#+windfall (check (values (run-program "true" '())) => 0)
#+windfall (check (values (run-program "false" '())) => 1)
#+windfall (check (values (run-program "sh" '("-c" "exit 7"))) => 7)
#+windfall (check (values (run-program "sh" '("-c" "kill -9 $$"))) => -9)
#+windfall (check (nth-value 1 (run-program "echo" '("a" "b c") :output :string)) => "a b c
")
#+windfall (check (nth-value 1 (run-program "sh" '("-c" "echo err >&2") :output :string :error :output)) => "err
")
#+windfall (check (nth-value 1 (run-program "cat" '() :input nil :output :string)) => "")
#+windfall (check (nth-value 1 (run-program "pwd" '() :directory "/tmp/" :output :string)) => "/tmp
")
#+windfall (check (nth-value 1 (run-program "sh" '("-c" "echo $QQ") :environment '("QQ=7") :output :string)) => "7
")
#+windfall (check (run-program "/no/such/program" '()) =!> error)
#+windfall (check (with-open-stream (s (nth-value 1 (run-program "printf" '("x\\ny") :output :stream :wait nil))) (list (read-line s) (read-line s))) => ("x" "y"))
(check (integerp internal-time-units-per-second) => t)

;;; -- INSPECT --
(defun inspected (object input)
  (with-output-to-string (out) (let ((*query-io* (make-two-way-stream (make-string-input-stream input) out))) (inspect object))))
(check (and (search "is a CONS" (inspected (list 1 'abc) "q")) t) => t)
(check (and (search "ABC" (inspected (list 1 'abc) (format nil "1~%u~%x~%9~%"))) t) => t)
(check (and (search "There is nothing above" (inspected #(1 2) (format nil "u~%q~%"))) t) => t)
(check (multiple-value-list (let ((*query-io* (make-two-way-stream (make-string-input-stream "") (make-broadcast-stream)))) (inspect (make-hash-table)))) => nil)
(check (inspect) =!> program-error)
(check (disassemble '(a b)) =!> type-error)

;;; -- A generic function can be traced and get methods --
(defgeneric traced-generic (x))
(check (let ((*trace-output* (make-broadcast-stream))) (trace traced-generic) (defmethod traced-generic ((x t)) 7) (prog1 (traced-generic 1) (untrace traced-generic))) => 7)
(check (traced-generic 1) => 7)
(check (let ((file "build/load-pathname.lisp")) (with-open-file (s file :direction :output :if-exists :supersede) (print '(defparameter *lp* *load-pathname*) s)) (load file) (delete-file file) (equal (symbol-value '*lp*) (merge-pathnames file))) => t)
