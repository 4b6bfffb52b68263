#!/bin/sh
# robust.sh: ten things that must not crash the system; each is a program whose output is compared.
windfall=${WINDFALL:-build/windfall}
passed=0 failed=0

# expect NAME EXPECTED ARGS...: runs windfall with the arguments; the last line of standard output must be EXPECTED.
expect() {
    name=$1 expected=$2
    shift 2
    got=$(timeout "${LIMIT:-120}" "$windfall" --no-init "$@" --quit 2>/tmp/robust.$$ </dev/null | tail -n 1)
    if [ "$got" = "$expected" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "robust: $name: expected '$expected', got '$got'"
        head -n 5 /tmp/robust.$$
    fi
    rm -f /tmp/robust.$$
}

expect "a list of ten million elements, compared and collected" "T 10000000" --eval '
(let ((a (make-list 10000000 :initial-element 1)) (b (make-list 10000000 :initial-element 1)))
  (let ((same (equal a b))) (ext:gc) (format t "~&~A ~D~%" same (length a))))'

expect "a list of ten million elements printed" "20000001" --eval '
(let ((count 0))
  (dolist (s (list (prin1-to-string (make-list 10000000 :initial-element 1)))) (incf count (length s)))
  (format t "~&~D~%" count))'

expect "a chain of ten million conses through the CAR, compared and collected" "T" --eval '
(flet ((chain () (let ((c nil)) (dotimes (i 10000000 c) (setq c (cons c nil))))))
  (let ((a (chain)) (b (chain))) (ext:gc) (format t "~&~A~%" (equal a b))))'

expect "recursion a million deep" "1000000" --eval '
(defun deep (n) (if (= n 0) 0 (+ 1 (deep (- n 1)))))' --eval '(format t "~&~D~%" (deep 1000000))'

expect "endless recursion, three times" "(:CAUGHT :CAUGHT :CAUGHT)" --eval '
(defun endless (n) (+ 1 (endless (+ n 1))))' --eval '
(format t "~&~S~%" (loop repeat 3 collect (handler-case (endless 0) (storage-condition () :caught))))'

expect "a heap full of conses, of vectors, of strings, three times in a row" "(:CONSES :VECTORS :STRINGS :CONSES :VECTORS :STRINGS :CONSES :VECTORS :STRINGS)" \
    --heap-limit 200M --eval '
(defun fill-with (what make)
  (handler-case (let ((all nil)) (loop (push (funcall make) all)))
    (storage-condition () what)))' --eval '
(format t "~&~S~%" (loop repeat 3
   collect (fill-with :conses (lambda () (cons 1 2)))
   collect (fill-with :vectors (lambda () (make-array 1000)))
   collect (fill-with :strings (lambda () (make-string 5000)))))'

expect "one absurd vector" ":CAUGHT" --eval '
(format t "~&~S~%" (handler-case (length (make-array (1- array-dimension-limit))) (storage-condition () :caught) (error () :caught)))'

expect "a circular list with *PRINT-CIRCLE*" "#1=(1 2 . #1#)" --eval '
(let ((l (list 1 2))) (setf (cddr l) l) (let ((*print-circle* t)) (format t "~&~S~%" l)))'

expect "a circular list without *PRINT-CIRCLE*" "(1 2 1 2 1 ...)" --eval '
(let ((l (list 1 2))) (setf (cddr l) l) (let ((*print-circle* nil) (*print-length* 5)) (format t "~&~S~%" l)))'

expect "lists that are their own elements, printed without *PRINT-CIRCLE*" "(:CAUGHT :CAUGHT :CAUGHT)" --eval '
(let ((l (list 1 2)))
  (setf (car l) l)
  (format t "~&~S~%" (loop for pretty in (list nil t nil)
                           collect (handler-case (let ((*print-pretty* pretty)) (prin1-to-string l)) (storage-condition () :caught)))))'

expect "a list a hundred thousand deep printed, also with *PRINT-CIRCLE* and *PRINT-PRETTY*" "(200003 200003 200003)" --eval '
(let ((x nil))
  (dotimes (i 100000) (setq x (list x)))
  (format t "~&~S~%" (list (length (prin1-to-string x))
                           (let ((*print-circle* t)) (length (prin1-to-string x)))
                           (let ((*print-pretty* t)) (length (prin1-to-string x))))))'

expect "a hundred thousand interned symbols dropped again" "T" --eval '
(defun fill-and-drop ()
  (let ((p (make-package "SCRATCH" :use nil)))
    (dotimes (i 100000) (intern (format nil "SYMBOL-~D" i) p))
    (delete-package p)))' --eval '
(defun bytes () (ext:gc) (loop for g below 4 sum (sys::%generation-bytes g)))' --eval '
(let ((before (bytes)))
  (fill-and-drop)
  (format t "~&~S~%" (< (- (bytes) before) 100000)))'

expect "READ of 64 KB of random bytes, fifty times" ":SURVIVED" --eval '
(let ((*read-eval* nil))
  (dotimes (i 50)
    (let ((s (make-string 65536)))
      (dotimes (k 65536) (setf (char s k) (code-char (random 256))))
      (with-input-from-string (in s)
        (handler-case (loop repeat 5000 do (handler-case (read in) (reader-error () (read-char in)) (end-of-file () (return)) (error () nil)))
          (error () nil)))))
  (format t "~&~S~%" :survived))'

expect "a bignum of a million digits" "T 1000000" --eval '
(let* ((n (- (expt 10 1000000) 1)) (s (princ-to-string n)))
  (format t "~&~S ~D~%" (= n (parse-integer s)) (length s)))'

expect "a stream closed twice" "(T T)" --eval '
(let ((s (make-string-input-stream "x"))) (format t "~&~S~%" (list (and (close s) t) (progn (close s) t))))'

expect "ERROR inside an error handler inside UNWIND-PROTECT" "(:CLEAN :INNER)" --eval '
(let ((log nil))
  (handler-case
      (unwind-protect
           (handler-bind ((error (lambda (c) (declare (ignore c)) (error "inner"))))
             (error "outer"))
        (push :clean log))
    (error () (push :inner log)))
  (format t "~&~S~%" (nreverse log)))'

# SIGINT in a tight loop: a script ends with 130, and runs its cleanup forms.
printf '(unwind-protect (loop) (write-line "cleanup") (finish-output))\n' >/tmp/robust.$$.lisp
"$windfall" --no-init /tmp/robust.$$.lisp >/tmp/robust.$$.out 2>/dev/null </dev/null &
pid=$!
sleep 1.5
kill -INT $pid 2>/dev/null
( sleep 20; kill -9 $pid 2>/dev/null ) &
watchdog=$!
wait $pid
status=$?
kill $watchdog 2>/dev/null
if [ $status = 130 ] && grep -q cleanup /tmp/robust.$$.out; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
    echo "robust: SIGINT in a tight loop: status $status, output '$(cat /tmp/robust.$$.out)'"
fi
rm -f /tmp/robust.$$*

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
