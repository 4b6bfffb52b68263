(defun f (x) (* x x)) (write-line "script") (write-line (if (= (f 3) 9) "nine" "?"))
