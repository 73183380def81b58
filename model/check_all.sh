#!/bin/bash
# All checks of saga.pml, boot.pml and claims.pml (needs Debian's spin and gcc; some minutes). The rules first: no order of events and faults may break
# them. Then literal readings and planted bugs: each must be found, at the smallest number of faults that shows it.
# K = number of faults for the rules (default 6). Exit 1 if anything is not as expected.
cd "$(dirname "$0")" || exit 2
K=${K:-6}; export SAGA_OUT=${SAGA_OUT:-$(mktemp -d)} SHOWSTORY=
wrong=0
expect() { # expect TEXT LINE
  echo "${2:0:150}"
  case "$2" in *"$1"*) ;; *) echo "^^^ NOT AS EXPECTED"; wrong=$((wrong + 1)) ;; esac
}
echo "== the rules, $K faults: expect no error"
for o in "" "-DARB" "-DNOCOORD" "-DARB -DNOCOORD" "-DFO" "-DARB -DFO" "-DJLOSS" "-DARB -DJLOSS" "-DPERM" "-DPERM -DARB" \
  "-DPERM -DNOCOORD" "-DPERM -DFO" "-DPERM -DARB -DFO" "-DPERM -DNOCOORD -DJLOSS"; do
  expect "OK no error" "$(PANC= ./run.sh "ok$(echo $o | tr -d ' -')" -DF=$K $o)"
done
echo "== moves of kind regular, $K faults: expect no error"
for o in "" "-DARB" "-DNOCOORD" "-DARB -DNOCOORD" "-DFO" "-DARB -DFO" "-DJLOSS" "-DPERM" "-DPERM -DARB" "-DPERM -DNOCOORD" "-DPERM -DFO"; do
  expect "OK no error" "$(PANC= ./run.sh "regular$(echo $o | tr -d ' -')" -DF=$K -DREGULAR $o)"
done
echo "== planted bugs and literal readings: expect an error; the story is in $SAGA_OUT/out/NAME/story.txt"
export PANC=-DBFS
for o in "B_COMMITEARLY" "B_COMMITEARLY -DNOEND" "B_RESUMELOST" "B_RESUMELOST -DNOEND" B_GOFIRST B_REFUSELATE B_EPOCH \
  "B_ACCFIRST -DARB" B_NOCLEAN B_EARLYNEXT B_SWEEP A_HOLD A_NOGOREC "A_FORUN -DFO" "A_NOWAIT -DA_STDOUT -DNOI3" "A_REREG -DARB" \
  A_ACCEARLY "A_SELFCOLD -DFO" "A_JLOSS -DJLOSS" A_STDOUT "A_EPOCH -DFO" A_NOREREL "A_TAKEBACK -DFO" A_DROP STRICT_I3 A_NOWAIT; do
  for kind in "" "-DREGULAR"; do
    n="x$(echo $o $kind | tr -d ' -')"
    for k in 0 1 2 3 4; do
      line=$(./run.sh "$n" -DF=$k -D$o $kind)
      [ -f "$SAGA_OUT/out/$n/saga.pml.trail" ] && break
    done
    expect "pan:1" "$line"
  done
done
n=xREGULARR_ENDSEEN
expect "pan:1" "$(./run.sh $n -DF=1 -DR_ENDSEEN -DREGULAR)"
echo "== harmless alone, expect no error: READY forwarded before its record"
expect "OK no error" "$(./run.sh xM_READYLATE -DF=5 -DM_READYLATE)"
echo "== boot.pml, who may start a VM whose memory died with a host: expect no error"
export MODEL=boot.pml
for o in "" "-DNOCOORD" "-DNOPEER" "-DHOSTILE" "-DHOSTILE -DNOCOORD"; do
  expect "OK no error" "$(PANC= ./run.sh "bootok$(echo $o | tr -d ' -')" -DF=3 $o)"
done
echo "== boot.pml, planted bugs: expect an error"
for o in A_SELFCOLD B_NOYIELD B_BOOTID B_VOID B_TWICE B_FENCE B_STALE B_SELF B_RUNS "B_PROOF -DHOSTILE" B_LIFT; do
  n="boot$(echo $o | tr -d ' -')"
  for k in 0 1 2 3; do
    line=$(./run.sh "$n" -DF=$k -D$o)
    [ -f "$SAGA_OUT/out/$n/saga.pml.trail" ] && break
  done
  expect "pan:1" "$line"
done
echo "== claims.pml, what is believed of a VM while one host lies: expect no error"
export MODEL=claims.pml
for o in "-DW=2" "-DATH -DW=2" "-DRESTORE -DNOH" "-DRESTORE -DF=1 -DW=1"; do
  expect "OK no error" "$(PANC= ./run.sh "claimsok$(echo $o | tr -d ' -')" $o)"
done
echo "== claims.pml, planted readings: expect an error"
for o in C_EPOCH C_ACCEPT C_OPEN C_SILENT C_HIDES C_CONTEST "C_FORGETRUN -DATH" C_KEEPS "C_HELLO -DRESTORE -DNOH" "C_ROOM -DRESTORE -DNOH"; do
  n="claims$(echo $o | tr -d ' -')"
  for k in 0 1 2; do
    line=$(./run.sh "$n" -DF=$k -D$o)
    [ -f "$SAGA_OUT/out/$n/saga.pml.trail" ] && break
  done
  expect "pan:1" "$line"
done
if [ $wrong = 0 ]; then echo "all as expected"; else echo "$wrong not as expected"; exit 1; fi
