/*
 * saga.pml - the migration saga, "Never two, never none", as a Promela model (spin 6.5)
 *
 * The rules of packages/agent/src/mover/{source,target}-rules.ts are these; a rule is changed here first. On top of the
 * design's own model this one has two records that real xl and real journals asked for:
 *   HANDOVER  written before READY is given to xl: a journal that cannot be written shows while xl can still resume by itself
 *   CLEAN     this side has done all it will ever do to the hypervisor. Without it the side that kept the VM meets the VM's
 *             next life (another move suspends it, and takes it away) with the rules of the old move. A host takes a new
 *             order for the VM only when its own old stream is CLEAN.
 *
 * HOW TO READ. There is ONE process: a big 'do' loop. Every  ":: d_step { guard -> effects }"  is one thing that may
 * happen next; spin tries every order of all things whose guard holds. When nothing can happen any more, the
 * 'else' branch checks the end state. Faults share one budget F; everything else only moves forward, so every run ends,
 * and the end check IS the liveness check (for any scheduler that does not starve an enabled action for ever).
 *
 * HOW TO RUN
 *   ./check_all.sh                every configuration (must say OK) and every literal reading / planted bug (must find an error)
 *   ./run.sh NAME [-D...]         builds, checks exhaustively; on an error prints the story  (see run.sh)
 * by hand:  spin -a -DF=3 saga.pml && gcc -O2 -DSAFETY -DCOLLAPSE -DMEMLIM=18000 -o pan pan.c && ./pan -m100000 -w26
 *           spin -t -DF=3 saga.pml        # replay the counterexample as text
 *
 * BOUNDS   -DF=n   at most n faults in all, any mix of: mover crash, xl SIGKILL/rename failure/unpause failure,
 *                  host crash, lost message, link cut, guest suspends late   (default 3)
 * OPTIONS  -DARB       storage arbitrates (SCSI-3 PR)           -DFO     failover grants with fence evidence
 *          -DNOCOORD   coordinator dead from the grant on       -DPERM   a host or the link that went down may stay so
 *          -DJLOSS     a host crash may lose the target's journal -DSTRICT_I3 see t_destroy
 *          -DREGULAR   the source's xl is `xl save -p` (below)
 *          -DSHOW=n    fail at an end in waiting state n (list at the end of this file), to see its story
 * LITERAL READINGS OF THE TEXT (default: the corrected rule)
 *  A1 -DA_HOLD     target refuses by its own timer and destroys at once
 *  A2 -DA_NOGOREC  no record between ACCEPT and RUNNING; "ACCEPT, gone, no RUNNING" counts as "never ran" -> Return
 *  A3 -DA_FORUN    failover grant lets the target run its READY copy without holding the Release
 *  A4 -DA_NOWAIT   recovery acts while the old xl of the move still lives (it then resumes the VM in the middle of its next move)
 *  A5 -DA_REREG    target registers its PR key again when it finds it evicted (needs -DARB)
 *  A6 -DA_ACCEARLY Accept certificate leaves at the ACCEPT record, before RUNNING
 *  A7 -DA_SELFCOLD a rebooted owner cold-boots the VM from its own journal, without a new grant (needs -DFO)
 *  A8 -DA_JLOSS    a target whose journal does not know the move signs Refuse (needs -DJLOSS)
 *  A9 -DA_STDOUT   target keeps xl's stdout open after READY (xl may destroy its copy when the mover dies)
 *  A10 -DA_EPOCH   failover grant uses e+2, the same number as the source's own reclaim (needs -DFO)
 *  A11 -DA_NOREREL no second Release when Refuse meets a source that lost its copy
 *  A13 -DA_DROP    target refuses only when asked, but destroys its copy at once instead of on Reclaimed/Abort
 *  A12 -DA_TAKEBACK a source without its copy takes the storage back on Refuse/Return (needs -DFO)
 * PLANTED BUGS  B1 -DB_COMMITEARLY  B2 -DB_RESUMELOST  B3 -DB_GOFIRST  B4 -DB_REFUSELATE  B5 -DB_EPOCH
 *               B6 -DB_ACCFIRST (ACCEPT before the PR preempt; needs -DARB)   M1 -DM_READYLATE (READY forwarded before it is recorded)
 *
 *               B7 -DB_NOCLEAN (the rules of an ended move still act on the hypervisor)
 *               B9 -DB_SWEEP (the sweeper resumes what it did not suspend)
 *               B8 -DB_EARLYNEXT (a host takes the next order for the VM before its old stream is CLEAN)
 *
 * NAMES. svm/tvm: what the source/target hypervisor holds; sxl/txl: the two xl processes; smv/tmv: the movers; sj/tj: last
 * journal record; m*: control messages sent; strm, scur, tcur, committed, tran, o[] are 'ghosts': the model's own knowledge,
 * read by assertions only, never by a decision (but strm!=0 also means "the stream has arrived"). The assertions are in own, s_run, t_run, s_destroy, t_destroy and at the end.
 * COARSE HERE: one move only (messages of earlier moves: B5); a check, its journal record and the epoch counter are one step
 * (the outward act is another); a journal record is durable at once; fence evidence is never false; guest's own
 * poweroff/reboot, disk errors, clocks and the data plane are left out.
 *
 * REGULAR. The source runs `xl save -p` instead of `xl migrate`: the VM stands still while it is copied, and xl ends by itself,
 * before COMMIT: exit 0 with the copy held, paused (SUSP here: it stands still, complete), anything else with the VM resumed.
 * No READY, GO or report goes to it, and nothing is renamed. Only the live mover knows xl's exit code, so only it can COMMIT:
 * HANDOVER, and xl has ended with 0, and the copy is seen paused. The target is the same: `xl migrate-receive` reads the
 * same stream. PLANTED BUG  R1 -DR_ENDSEEN (COMMIT when the stream's end has passed, before xl has ended)
 *
 * NETWORK. A control message is a bit: set = sent. It may be delivered at any later time, any number of times, in any
 * order (delay, duplication, reordering are unbounded); loss clears it and costs a fault; senders repeat.
 * The byte stream and READY belong to one session and need both original movers and the link.
 */
#ifndef F
#define F 3
#endif

/* ---- hypervisor view of the VM: one per host ---- */
#define NONE 0
#define RUN 1
#define SUSP 2          /* source: suspended, complete */
#define BUILD 2         /* target: being received, incomplete */
#define PAUSED 3        /* target: complete, paused */
/* ---- mover process ---- */
#define DEAD 0
#define LIVE 1          /* the original: holds xl's pipes */
#define REC 2           /* restarted, or has closed xl's pipes: only journal + hypervisor */
/* ---- source xl ---- */
#define X_NO 0
#define X_PRE 1         /* pre-copy */
#define X_WREADY 2      /* suspended, stream written, waits for READY */
#define X_REN 3         /* READY read, renamed */
#define X_WREP 4        /* GO written, waits for the report */
#define X_COPY 5        /* regular: suspended, the stream flows; X_WREADY is then: all of it is out, about to pause and end */
/* ---- target xl ---- */
#define Y_RECV 1
#define Y_WGO 2         /* READY written, waits for GO */
#define Y_GO 3          /* GO read, renamed, about to unpause */
/* ---- source journal (last record) ---- */
#define S_PREP 0
#define S_ABORT 1       /* closed: source keeps e */
#define S_COMMIT 2
#define S_RELEASED 3    /* closed: target has it */
#define S_RECLAIM 4     /* closed: source at e+2 */
#define S_COMMIT2 5     /* second Release (e+2 -> e+3): source lost its copy, target refused but kept its */
#define S_FO 6          /* closed: a failover grant superseded the move (here or elsewhere) */
#define S_HAND 7        /* READY is about to be given to xl; recovers like S_PREP */
#define SBEFORE (sj==S_PREP || sj==S_HAND)   /* no COMMIT: the VM is the source's */
/* ---- target journal ---- */
#define T_PREP 0
#define T_READY 1
#define T_ACCEPT 2
#define T_GO 3          /* proposed new record: written before GO is fed / before any unpause */
#define T_RUNNING 4
#define T_REFUSE 5
#define T_RETURN 6
#define T_FO 7          /* superseded by a failover grant */
#define T_UNKNOWN 8     /* journal lost */
#define T_LOST 9        /* refused, and the kept copy is gone too */

byte svm=RUN, sxl=X_PRE, smv=LIVE, sj=S_PREP;
bit  sSaved=0;                  /* regular: xl save has ended with 0, as the live mover knows */
bit  sup=1, saway=0, sReadyGot=0, sReadyGiven=0, sGo=0, sRep=0, slate=0;
byte tvm=BUILD, txl=Y_RECV, tmv=LIVE, tj=T_PREP;
bit  tup=1, tX=0, tGoFed=0;
byte tRep=0;                    /* 1 ok, 2 destroyed without unpausing (seen only by the live mover) */
bit  link=1, mReady=0, mRel=0, mAsk=0, mAbort=0, mAcc=0, mRef=0, mRet=0, mRecl=0, mRel2=0, mLost=0, mSup=0;
byte strm=0;                    /* ghost: 1 whole stream sent and still the present state, 2 sent but stale */
bit  scur=1, tcur=0;            /* ghost: this host holds a complete, present copy of the memory */
bit  sRecLost=0, committed=0, tran=0, tGoLost=0, ordered=0;
byte arb=0;                     /* PR: 0 both keys, 1 target's key evicted, 2 source's key evicted */
bit  sCl=0, tCl=0;              /* CLEAN is in the journal */
bit  sNext=0, tNext=0;          /* ghost: the VM of this host lives its next life: another move has it in hand */
byte fo=0;                      /* failover grant issued: 1 to source, 2 to target */
byte o[6];                      /* ghost: owner of epoch e+i: 1 source 2 target */
bit  perm=0;
byte f=0;                       /* faults so far */

inline own(i,w){ assert(o[i]==0 || o[i]==w); /* I4 one owner an epoch */ o[i]=w }
inline s_run(){ assert(tvm!=RUN);            /* I1 */
  assert(scur);                              /* I2: never old memory on a newer disk */
  svm=RUN; tcur=0; if :: strm==1 -> strm=2 :: else fi }
inline t_run(){ assert(svm!=RUN); assert(tcur); tvm=RUN; scur=0; tran=1; tX=1 }
inline s_destroy(){ assert(!sNext); assert(!scur || tcur || tGoLost || ordered); /* I3 */ assert(svm!=RUN); svm=NONE; scur=0; saway=0 }
/* before COMMIT the source's copy is 'the' copy (the source may have resumed unseen), so its host's death loses the memory */
#ifdef NOI3
inline t_destroy(){ assert(!tNext); assert(tvm!=RUN); tvm=NONE; tcur=0; tX=0 }
#elif defined(STRICT_I3)
inline t_destroy(){ assert(!tNext); assert(!tcur || scur || sRecLost || ordered); assert(tvm!=RUN); tvm=NONE; tcur=0; tX=0 }
#else
inline t_destroy(){ assert(!tNext); assert(!tcur || scur || sRecLost || ordered || !committed); assert(tvm!=RUN); tvm=NONE; tcur=0; tX=0 }
#endif

#ifdef A_NOWAIT
#define SXLGONE (sxl==X_NO || smv==REC)
#define TXLGONE (txl==X_NO || tmv==REC)
#else
#define SXLGONE (sxl==X_NO)
#define TXLGONE (txl==X_NO)
#endif
#ifdef REGULAR
#define SXLBROKE (sxl==X_NO && strm==0)         /* what has been sent whole arrives */
#else
#define SXLBROKE (sxl==X_NO)
#endif
#define SALIVE (sup && smv!=DEAD)
#define TALIVE (tup && tmv!=DEAD)
#ifdef B_EPOCH     /* a message of an earlier move of this VM is always in the network; without the check it counts */
#define STALE 1
#else
#define STALE 0
#endif
#if defined(A_HOLD) || defined(A_DROP)
#define MAYDROP 1
#else
#define MAYDROP (RX(mRecl) || RX(mAbort) || tvm==BUILD)
#endif
#define RX(m) (link && (m || STALE))

#ifdef B_NOCLEAN
#define SMAY 1
#define TMAY 1
#else
#define SMAY (!sCl)     /* this side may still act on the hypervisor */
#define TMAY (!tCl)
#endif
#ifdef B_SWEEP
#define SWEEP 1
#else
#define SWEEP (!sNext)  /* no younger move, xl or save of anybody has the domain in hand */
#endif
#ifdef B_EARLYNEXT
#define SFREE 1
#define TFREE 1
#else
#define SFREE sCl
#define TFREE tCl
#endif
#ifdef A_FORUN
#define FORUNOK (tj==T_READY)
#else
#define FORUNOK 1
#endif
#ifdef A_EPOCH
#define FOEPOCH(w) own(2,w)
#else
#define FOEPOCH(w) own(4,w)
#endif
#ifdef B_ACCFIRST
#define PRE1ST 0
#else
#define PRE1ST 1
#endif
#ifdef A_TAKEBACK
#define TAKEBACK 1
#else
#define TAKEBACK 0
#endif
/* ---- allowed ends ---- */
#define TIDY (sxl==X_NO && txl==X_NO && !saway && SALIVE && TALIVE)
#define CLOSED (!SBEFORE && sj!=S_COMMIT && sj!=S_COMMIT2 && tj!=T_PREP && tj!=T_READY && tj!=T_ACCEPT && tj!=T_GO)
#define END_S (TIDY && CLOSED && (svm==RUN || sNext) && tvm==NONE && arb!=2)
#define END_T (TIDY && CLOSED && ((tvm==RUN && tX) || tNext) && svm==NONE && arb!=1)
/* 'wait, alarm' states */
#define MEMLOST (!sNext && !tNext && svm!=RUN && tvm!=RUN && !scur && !tcur)
#define W_COLD (MEMLOST)                                          /* 1 memory died with a host; cold boot needs the coordinator */
#define W_TGONE (sj==S_COMMIT && svm==SUSP && (!TALIVE || !link)) /* 2 committed, target unreachable */
#define W_SGONE (tj==T_READY && tvm==PAUSED && (!SALIVE || !link))/* 3 target holds, source unreachable */
#define W_JLOSS (sj==S_COMMIT && svm==SUSP && tj==T_UNKNOWN)      /* 4 target's journal is lost */
#define W_REFK ((tj==T_REFUSE) && tvm==PAUSED && (!SALIVE || !link)) /* 5 refused, copy kept, source unreachable */
#define W_RUNS (svm==RUN || (tvm==RUN && svm!=RUN) || sNext || tNext) /* 6 one runs, here or in the next life; clean-up waits for the other side */
#define W_GOLOST (tj==T_GO && tvm==NONE && svm==SUSP)             /* 7 GO recorded, target host lost: may have run */
#define W_ARB (arb==2 && sj==S_COMMIT && svm==SUSP)

active proctype world()
{
 own(0,1);
 do
 /* =================== source xl (XEN.md 1.1, 1.2) =================== */
#ifdef REGULAR
 :: d_step { sxl==X_PRE && smv==LIVE && svm==RUN -> printf("src xl: guest suspended, copy begins\n"); svm=SUSP; sxl=X_COPY }
 :: d_step { sxl==X_PRE && (smv!=LIVE || txl!=Y_RECV) -> printf("src xl: stream broken, exits, VM runs\n"); sxl=X_NO }
 :: d_step { sxl==X_COPY && smv==LIVE && tmv==LIVE && txl==Y_RECV && link && svm==SUSP -> printf("src xl: END sent\n"); strm=1; sxl=X_WREADY }
 :: d_step { sxl==X_COPY && (smv!=LIVE || txl!=Y_RECV) -> printf("src xl: stream broken: resumes by itself, exit 1\n"); if :: svm==SUSP -> s_run() :: else fi; sxl=X_NO }
 :: d_step { sxl==X_WREADY -> printf("src xl: leaves the VM paused, exit 0\n"); if :: smv==LIVE -> sSaved=1 :: else fi; sxl=X_NO }
 :: d_step { sxl==X_WREADY && f<F -> f++; printf("FAULT src xl: fails behind END: resumes by itself, exit 1\n"); if :: svm==SUSP -> s_run() :: else fi; sxl=X_NO }
#else
 :: d_step { sxl==X_PRE && smv==LIVE && tmv==LIVE && txl==Y_RECV && link && svm==RUN ->
      printf("src xl: guest suspended, last pages and END sent\n"); svm=SUSP; strm=1; sxl=X_WREADY }
 :: d_step { sxl==X_PRE && (smv!=LIVE || txl!=Y_RECV) -> printf("src xl: stream broken, exits, VM runs\n"); sxl=X_NO }
#endif
 :: d_step { sxl==X_PRE && f<F -> f++; printf("FAULT src xl: guest does not suspend in 60 s, exit 1; guest may suspend later\n"); sxl=X_NO; slate=1 }
 :: d_step { slate && svm==RUN -> printf("guest suspends late\n"); slate=0; svm=SUSP }
#ifndef REGULAR
 :: d_step { sxl==X_WREADY && sReadyGiven -> printf("src xl: reads READY, renames to X--migratedaway\n"); saway=1; sxl=X_REN }
 :: d_step { sxl==X_WREADY && sReadyGiven && f<F -> f++; printf("FAULT src xl: rename fails, resumes, exit 1\n"); if :: svm==SUSP -> s_run() :: else fi; sxl=X_NO }
 :: d_step { sxl==X_WREADY && !sReadyGiven && smv!=LIVE -> printf("src xl: EOF instead of READY: resumes by itself, exit 1\n"); if :: svm==SUSP -> s_run() :: else fi; sxl=X_NO }
 :: d_step { sxl==X_REN && smv==LIVE -> printf("src xl: writes GO\n"); sGo=1; sxl=X_WREP }
 :: d_step { sxl==X_REN && smv!=LIVE -> printf("src xl: GO write fails, failed_badly, leaves X--migratedaway suspended\n"); sxl=X_NO }
 :: d_step { sxl==X_WREP && sRep -> printf("src xl: report 0 read, destroys, exit 0\n"); if :: svm!=NONE -> s_destroy() :: else fi; sxl=X_NO }
 :: d_step { sxl==X_WREP && !sRep && smv!=LIVE -> printf("src xl: report lost, failed_badly, leaves X--migratedaway suspended\n"); sxl=X_NO }
#endif
 :: d_step { sxl!=X_NO && f<F -> f++; printf("FAULT src xl SIGKILLed\n"); sxl=X_NO }

 /* =================== target xl =================== */
 :: d_step { txl==Y_RECV && strm!=0 && tmv==LIVE && smv==LIVE && link -> printf("tgt xl: X--incoming complete and paused, writes READY\n"); tvm=PAUSED; tcur=(strm==1); txl=Y_WGO }
 :: d_step { txl==Y_RECV && (tmv!=LIVE || (smv!=LIVE) || SXLBROKE) -> printf("tgt xl: stream broken, destroys, exit 1\n"); tvm=NONE; txl=X_NO }
 :: d_step { txl==Y_WGO && tGoFed -> printf("tgt xl: reads GO, renames to X\n"); tX=1; txl=Y_GO }
 :: d_step { txl==Y_GO && tvm==PAUSED -> printf("tgt xl: unpauses: VM RUNS on target\n"); t_run(); tRep=1; txl=X_NO }
 :: d_step { txl==Y_GO && tvm!=PAUSED -> printf("tgt xl: unpause no-op, exits\n"); tRep=1; txl=X_NO }
#ifdef A_STDOUT
 :: d_step { txl==Y_GO && tvm==PAUSED && f<F -> f++; printf("FAULT tgt xl: unpause fails, report<>0, destroys its copy\n"); t_destroy(); tRep=2; txl=X_NO }
 :: d_step { txl==Y_WGO && !tGoFed && tmv!=LIVE -> printf("tgt xl: EOF instead of GO, stdout still open: destroys\n");
      if :: tvm==RUN -> assert(false) /* xl destroys a VM that recovery already let run */ :: tvm==PAUSED -> t_destroy() :: else fi; txl=X_NO }
#else
 :: d_step { txl==Y_GO && tvm==PAUSED && f<F -> f++; printf("FAULT tgt xl: unpause fails, report EPIPE: leaves it paused\n"); txl=X_NO }
#endif
 :: d_step { txl==Y_WGO && !tGoFed && tmv!=LIVE -> printf("tgt xl: EOF instead of GO, EPIPE: leaves X--incoming paused, exit 1\n"); txl=X_NO }
 :: d_step { txl!=X_NO && f<F -> f++; printf("FAULT tgt xl SIGKILLed\n"); txl=X_NO }

 /* =================== source mover =================== */
 :: d_step { smv==LIVE && mReady && link && tmv==LIVE && !sReadyGot && sj==S_PREP -> printf("SRC: READY arrives, held back; disks flushed (step 5)\n"); sReadyGot=1 }
#ifdef B_COMMITEARLY
 :: d_step { smv==LIVE && sReadyGot && sj==S_PREP -> printf("SRC(bug): journal COMMIT before GO\n"); sj=S_COMMIT; committed=1 }
 :: d_step { smv==LIVE && sReadyGot && sj==S_COMMIT && !sReadyGiven && sxl==X_WREADY -> printf("SRC: READY given to xl\n"); sReadyGiven=1 }
#elif defined(REGULAR)
 :: d_step { smv==LIVE && sReadyGot && sj==S_PREP -> printf("SRC: journal HANDOVER\n"); sj=S_HAND }
#ifdef R_ENDSEEN
 :: d_step { smv==LIVE && strm!=0 && sj==S_HAND -> printf("SRC(bug): END has passed, journal COMMIT\n"); sj=S_COMMIT; committed=1 }
#else
 :: d_step { smv==LIVE && sSaved && svm==SUSP && sj==S_HAND -> printf("SRC: xl save ended with 0, the VM is paused: journal COMMIT (step 7)\n"); sj=S_COMMIT; committed=1 }
#endif
#else
 :: d_step { smv==LIVE && sReadyGot && sj==S_PREP && !sReadyGiven && sxl==X_WREADY -> printf("SRC: journal HANDOVER\n"); sj=S_HAND }
 :: d_step { smv==LIVE && sReadyGot && sj==S_HAND && !sReadyGiven && sxl==X_WREADY -> printf("SRC: READY given to xl (step 6)\n"); sReadyGiven=1 }
 :: d_step { smv==LIVE && sGo && sj==S_HAND -> printf("SRC: 44 GO bytes read, journal COMMIT (step 7)\n"); sj=S_COMMIT; committed=1 }
#endif
   /* before COMMIT: deadline, lost session, dead xl, or restart: source keeps the VM */
 :: d_step { smv==LIVE && SBEFORE -> printf("SRC: gives up: journal ABORT, closes the pipes\n"); sj=S_ABORT; smv=REC }
 :: d_step { smv==REC && sup && SBEFORE && SXLGONE -> printf("SRC recovery: no COMMIT: journal ABORT\n"); sj=S_ABORT }
#ifdef REGULAR
   /* ABORT is all that can follow, so the VM need not wait for a journal that can be written again; xl is no more there to resume it */
 :: d_step { smv==REC && sup && SBEFORE && SXLGONE && svm==SUSP -> printf("SRC: journal cannot be written: resumes\n"); s_run() }
#endif
   /* resume what is suspended here and ours */
 :: d_step { SALIVE && SMAY && (sj==S_ABORT || sj==S_RECLAIM) && svm==SUSP && SXLGONE -> printf("SRC: renames back, resumes\n"); assert(!sNext); s_run(); saway=0 }
 :: d_step { SALIVE && SMAY && (sj==S_ABORT || sj==S_RECLAIM) && svm==RUN && saway && SXLGONE -> printf("SRC: renames back\n"); saway=0 }
   /* nothing is left to do here; a guest that suspends after this is the sweeper's */
 :: d_step { SALIVE && !sCl && (sj==S_ABORT || sj==S_RECLAIM) && SXLGONE && (svm==RUN || svm==NONE) && !saway -> printf("SRC: journal CLEAN\n"); sCl=1 }
 :: d_step { SALIVE && sCl && sj==S_ABORT && svm==SUSP && SWEEP && SXLGONE -> printf("SRC sweeper: suspended late, and by no other move: resumes\n"); assert(!sNext); s_run() }
 :: d_step { SALIVE && !sCl && sj==S_RELEASED && SXLGONE && svm==NONE -> printf("SRC: journal CLEAN\n"); sCl=1 }
   /* messages, repeated while the journal says so */
 :: d_step { SALIVE && sj==S_ABORT && !mAbort -> printf("SRC: sends Abort\n"); mAbort=1 }
 :: d_step { SALIVE && sj==S_COMMIT && !mRel -> printf("SRC: sends Release\n"); mRel=1 }
#ifndef A_HOLD
 :: d_step { SALIVE && sj==S_COMMIT && svm==SUSP && !mAsk -> printf("SRC: waited too long, asks for a Refuse ('I still hold my copy')\n"); mAsk=1 }
#endif
 :: d_step { SALIVE && sj==S_RECLAIM && sCl && !mRecl -> printf("SRC: sends Reclaimed\n"); mRecl=1 }
 :: d_step { SALIVE && sj==S_COMMIT2 && !mRel2 -> printf("SRC: sends second Release (e+3)\n"); mRel2=1 }
   /* answers */
 :: d_step { SALIVE && (sj==S_COMMIT || sj==S_COMMIT2) && RX(mAcc) -> printf("SRC: Accept arrives: journal RELEASED (step 9)\n"); sj=S_RELEASED }
 :: d_step { SALIVE && sj==S_COMMIT && RX(mRet) && svm==SUSP -> printf("SRC: Return arrives: journal RECLAIM e+2, closes pipes\n"); sj=S_RECLAIM; smv=REC; arb=1; own(2,1) }
 :: d_step { SALIVE && sj==S_COMMIT && RX(mRef) && svm==SUSP -> printf("SRC: Refuse arrives: journal RECLAIM e+2, closes pipes\n"); sj=S_RECLAIM; smv=REC; arb=1; own(2,1) }
#ifdef A_NOREREL
 :: d_step { SALIVE && sj==S_COMMIT && (RX(mRef)||RX(mRet)) && svm==NONE -> printf("SRC: Refuse/Return arrives, own copy gone: journal RECLAIM, Reclaimed\n"); sj=S_RECLAIM; own(2,1); mRecl=1 }
#else
 :: d_step { SALIVE && sj==S_COMMIT && RX(mRet) && svm==NONE -> printf("SRC: Return arrives, own copy gone: journal RECLAIM (cold boot later)\n"); sj=S_RECLAIM; own(2,1); if :: TAKEBACK -> arb=1 :: else fi }
 :: d_step { SALIVE && sj==S_COMMIT && RX(mRef) && svm==NONE -> printf("SRC: Refuse arrives, own copy gone: journal second COMMIT e+2->e+3\n"); sj=S_COMMIT2; own(2,1) }
 :: d_step { SALIVE && sj==S_COMMIT2 && (link && mLost) -> printf("SRC: both copies gone: closed, cold boot\n"); sj=S_RECLAIM; if :: TAKEBACK -> arb=1 :: else fi }
#endif
 :: d_step { SALIVE && link && mSup && (SBEFORE||sj==S_COMMIT||sj==S_COMMIT2) && smv==REC && SXLGONE -> printf("SRC: superseded by a failover grant\n"); sj=S_FO }
 :: d_step { smv==LIVE && sj==S_RELEASED && sxl==X_WREP && !sRep -> printf("SRC: gives the report to xl\n"); sRep=1 }
 :: d_step { smv==LIVE && sj==S_RELEASED && sxl==X_REN -> smv=REC }
 :: d_step { SALIVE && SMAY && (sj==S_RELEASED||sj==S_FO) && SXLGONE && svm==SUSP -> printf("SRC: uuid still there: destroys\n"); s_destroy() }
#ifdef B_RESUMELOST
 :: d_step { SALIVE && sj==S_COMMIT && svm==SUSP && sxl==X_NO -> printf("SRC(bug): report lost: resumes\n"); sj=S_RECLAIM; s_run() }
#endif
#ifdef ARB
 :: d_step { SALIVE && sj==S_COMMIT && svm==SUSP && arb==0 -> printf("SRC: target unreachable: evicts target's PR key\n"); arb=1 }
 :: d_step { SALIVE && sj==S_COMMIT && svm==SUSP && arb==1 -> printf("SRC: key of the target is evicted: journal RECLAIM e+2, closes pipes\n"); sj=S_RECLAIM; smv=REC; own(2,1) }
#endif

 /* =================== target mover =================== */
 :: d_step { tmv==LIVE && tj==T_PREP && txl==Y_WGO && tvm==PAUSED -> printf("TGT: READY seen, journal READY (step 4)\n"); tj=T_READY }
 #ifdef M_READYLATE
#define RDYOK (tj==T_READY || (tj==T_PREP && txl==Y_WGO))
#else
#define RDYOK (tj==T_READY)
#endif
 :: d_step { tmv==LIVE && RDYOK && !mReady && smv==LIVE -> printf("TGT: forwards READY\n"); mReady=1 }
   /* before READY is recorded the source cannot have committed */
 :: d_step { TALIVE && tj==T_PREP && (tmv==REC || txl==X_NO || smv!=LIVE || !link) -> printf("TGT: session lost before READY: journal REFUSE, closes pipes\n"); tj=T_REFUSE; tmv=REC }
 :: d_step { TALIVE && tj==T_READY && RX(mAbort) -> printf("TGT: source aborted: journal REFUSE, closes pipes\n"); tj=T_REFUSE; tmv=REC }
 :: d_step { TALIVE && tj==T_READY && tvm==NONE && TXLGONE -> printf("TGT: own copy gone, no ACCEPT: journal REFUSE\n"); tj=T_REFUSE; tmv=REC }
#ifdef A_HOLD
 :: d_step { TALIVE && tj==T_READY -> printf("TGT: hold over: journal REFUSE\n"); tj=T_REFUSE; tmv=REC }
#else
 :: d_step { TALIVE && tj==T_READY && RX(mAsk) -> printf("TGT: source asks for it: journal REFUSE, keeps the paused copy until Reclaimed\n"); tj=T_REFUSE; tmv=REC }
#endif
 /* step 8 */
#ifdef ARB
#ifdef A_REREG
 :: d_step { TALIVE && tj==T_READY && tvm==PAUSED && RX(mRel) && arb==1 -> printf("TGT(A5): own key missing: registers again\n"); arb=0 }
#endif
 :: d_step { TALIVE && tj==T_READY && tvm==PAUSED && RX(mRel) && arb==0 && PRE1ST -> printf("TGT: Release good: preempts the source's PR key\n"); arb=2 }
 :: d_step { TALIVE && tj==T_READY && arb==1 -> printf("TGT: own key evicted: journal REFUSE\n"); tj=T_REFUSE; tmv=REC }
#ifdef B_ACCFIRST
#define STORAGE (arb!=1)
#else
#define STORAGE (arb==2)
#endif
#else
#define STORAGE 1
#endif
#ifdef B_GOFIRST
 :: d_step { tmv==LIVE && tj==T_READY && txl==Y_WGO && RX(mRel) && !tGoFed && STORAGE -> printf("TGT(bug): feeds GO before ACCEPT\n"); tGoFed=1 }
 :: d_step { TALIVE && tmv==LIVE && tj==T_READY && tGoFed -> printf("TGT: journal ACCEPT, GO\n"); tj=T_GO; own(1,2) }
#define NOTFED (txl==X_NO && !tGoFed)
#else
#define NOTFED 1
#endif
 :: d_step { TALIVE && tj==T_READY && tvm==PAUSED && RX(mRel) && STORAGE && NOTFED -> printf("TGT: Release good: journal ACCEPT\n"); tj=T_ACCEPT; own(1,2) }
#ifdef A_NOGOREC
 :: d_step { tmv==LIVE && tj==T_ACCEPT && txl==Y_WGO && !tGoFed -> printf("TGT: feeds GO\n"); tGoFed=1 }
 :: d_step { TALIVE && tj==T_ACCEPT && TXLGONE && tvm==PAUSED -> printf("TGT recovery: ACCEPT, still paused: renames, unpauses\n"); t_run() }
 :: d_step { TALIVE && tj==T_ACCEPT && tvm==RUN -> printf("TGT: seen running: journal RUNNING\n"); tj=T_RUNNING }
#else
 :: d_step { TALIVE && tj==T_ACCEPT && tvm==PAUSED && (tmv==LIVE || TXLGONE) -> printf("TGT: journal GO\n"); tj=T_GO; if :: arb==0 -> arb=2 :: else fi }
 :: d_step { tmv==LIVE && tj==T_GO && txl==Y_WGO && !tGoFed -> printf("TGT: feeds GO to xl\n"); tGoFed=1 }
 :: d_step { TALIVE && tj==T_GO && TXLGONE && tvm==PAUSED -> printf("TGT: still paused, xl gone: renames, unpauses: VM RUNS on target\n"); t_run() }
 :: d_step { tmv==LIVE && tj==T_GO && tRep==2 -> printf("TGT: xl reports it destroyed its copy, never ran: journal RETURN\n"); tj=T_RETURN }
#endif
 :: d_step { TALIVE && tj==T_ACCEPT && tvm==NONE && TXLGONE -> printf("TGT: ACCEPT, copy gone, no later record: 'never ran': journal RETURN\n"); tj=T_RETURN }
 :: d_step { TALIVE && tj==T_GO && tvm==RUN -> printf("TGT: seen running: journal RUNNING\n"); tj=T_RUNNING }
 :: d_step { TALIVE && tj==T_GO && tvm==NONE && TXLGONE && tRep!=2 -> printf("TGT: GO recorded, copy gone: it may have run: counts as ran, journal RUNNING (cold boot)\n"); tj=T_RUNNING }
#ifdef A_ACCEARLY
 :: d_step { TALIVE && (tj==T_ACCEPT || tj==T_GO || tj==T_RUNNING) && !mAcc -> printf("TGT: sends Accept\n"); mAcc=1 }
#else
 :: d_step { TALIVE && tj==T_RUNNING && !mAcc -> printf("TGT: sends Accept\n"); mAcc=1 }
#endif
 :: d_step { TALIVE && TMAY && tj==T_RUNNING && tvm==RUN && !tX -> assert(!tNext); tX=1 }
 :: d_step { TALIVE && !tCl && tj==T_RUNNING && TXLGONE && ((tvm==RUN && tX) || tvm==NONE) -> printf("TGT: journal CLEAN\n"); tCl=1 }
 :: d_step { TALIVE && !tCl && (tj==T_REFUSE || tj==T_RETURN || tj==T_LOST) && TXLGONE && tvm==NONE && (tj!=T_REFUSE || RX(mRecl) || RX(mAbort)) -> printf("TGT: journal CLEAN\n"); tCl=1 }
   /* the VM's next life. Only a host whose old stream is CLEAN takes part in it: as the source it lets the VM go ... */
 :: d_step { sup && SFREE && (sj==S_ABORT || sj==S_RECLAIM) && svm==RUN && fo==0 && !sNext && SXLGONE && !slate -> printf("NEXT MOVE: the VM is suspended at the source for good\n"); sNext=1; saway=1; svm=SUSP }
 :: d_step { sNext && svm==SUSP -> printf("NEXT MOVE: the VM has left the source\n"); svm=NONE; saway=0; scur=0 }
 :: d_step { tup && TFREE && tj==T_RUNNING && tvm==RUN && fo==0 && !tNext && TXLGONE -> printf("NEXT MOVE: the VM is suspended at the target for good\n"); tNext=1; tX=0; tvm=PAUSED }
 :: d_step { tNext && tvm==PAUSED -> printf("NEXT MOVE: the VM has left the target\n"); tvm=NONE; tcur=0 }
   /* ... and as the target of a move from a third host it takes it in again: a paused copy that is not ours */
 :: d_step { tup && TFREE && (tj==T_REFUSE || tj==T_RETURN) && tvm==NONE && sNext && svm==NONE && !tNext && TXLGONE -> printf("NEXT MOVE: the VM is being received by the old target\n"); tNext=1; tvm=PAUSED }
 :: d_step { sup && SFREE && sj==S_RELEASED && svm==NONE && tNext && tvm==NONE && !sNext && SXLGONE -> printf("NEXT MOVE: the VM is being received by the old source\n"); sNext=1; svm=SUSP }
#ifdef B_REFUSELATE
 :: d_step { TALIVE && (tj==T_ACCEPT||tj==T_GO) && RX(mAsk) -> printf("TGT(bug): refuses after ACCEPT\n"); mRef=1 }
#endif
 :: d_step { TALIVE && (tj==T_REFUSE || tj==T_LOST) && !mRef -> printf("TGT: sends Refuse\n"); mRef=1 }
 :: d_step { TALIVE && tj==T_RETURN && !mRet -> printf("TGT: sends Return\n"); mRet=1 }
 :: d_step { TALIVE && TMAY && tj==T_REFUSE && TXLGONE && tvm!=NONE && tvm!=RUN && MAYDROP -> printf("TGT: destroys its copy\n"); t_destroy() }
#ifndef A_NOREREL
 :: d_step { TALIVE && TMAY && tj==T_REFUSE && tvm==PAUSED && (link && mRel2) && TXLGONE -> printf("TGT: second Release: journal ACCEPT e+3 with the kept copy\n"); tj=T_ACCEPT; arb=2; own(3,2) }
 :: d_step { TALIVE && TMAY && tj==T_REFUSE && tvm==NONE && (link && mRel2) && TXLGONE -> printf("TGT: second Release, but copy gone too\n"); tj=T_LOST }
 :: d_step { TALIVE && tj==T_LOST && !mLost -> mLost=1 }
 :: d_step { TALIVE && tj==T_RETURN && (link && mRel2) && !mLost -> mLost=1 }
#endif
#ifdef JLOSS
#ifdef A_JLOSS
 :: d_step { TALIVE && tj==T_UNKNOWN && RX(mRel) -> printf("TGT(A8): unknown move, rebooted, no ACCEPT: journal REFUSE\n"); tj=T_REFUSE }
#endif
#endif
 :: d_step { TALIVE && mSup && link && fo==1 && (tj==T_REFUSE||tj==T_RETURN||tj==T_RUNNING||tj==T_LOST) && tvm==NONE && tmv==REC -> tj=T_FO }
 :: d_step { TALIVE && (tj==T_PREP||tj==T_READY||tj==T_ACCEPT||tj==T_GO) && fo==1 && mSup && link && tmv==REC && TXLGONE && tvm==NONE -> printf("TGT: superseded by failover grant\n"); tj=T_FO }

 /* =================== coordinator: failover and cold boot =================== */
#ifndef NOCOORD
#ifdef FO
   /* fence evidence is taken when the grant is signed; the grant may arrive much later, when the fenced host is back */
 :: d_step { fo==0 && !tup && !sNext && !tNext -> printf("COORD: target fenced (power is off): signs failover grant to source\n"); fo=1; ordered=1 }
 :: d_step { fo==0 && !sup && !sNext && !tNext -> printf("COORD: source fenced (power is off): signs failover grant to target\n"); fo=2; ordered=1 }
 :: d_step { fo==1 && !mSup && link && SALIVE && SXLGONE && ((sj==S_COMMIT && svm==SUSP) || ((sj==S_RELEASED||sj==S_RECLAIM||sj==S_ABORT) && svm==NONE)) ->
      printf("SRC: failover grant arrives: journal, drops own suspended copy, cold-boots from the disk\n");
      sj=S_FO; mSup=1; FOEPOCH(1); svm=NONE; saway=0; smv=REC; slate=0; assert(tvm!=RUN); svm=RUN; scur=1; tcur=0; arb=1 }
 :: d_step { fo==2 && !mSup && link && TALIVE && txl==X_NO && (((tj==T_READY||tj==T_REFUSE) && tvm==PAUSED && FORUNOK) || ((tj==T_REFUSE||tj==T_RETURN||tj==T_RUNNING) && tvm==NONE)) ->
      printf("TGT: failover grant arrives\n"); mSup=1; arb=2; FOEPOCH(2); tj=T_FO; tmv=REC;
#ifdef A_FORUN
      if :: tvm==PAUSED -> printf("TGT: runs its READY copy\n"); t_run() :: else -> assert(svm!=RUN); tcur=0; tvm=RUN; tX=1; scur=0; tran=1 fi
#else
      printf("TGT: no Release in hand: drops its copy, cold-boots from the disk\n"); tcur=0; assert(svm!=RUN); tvm=RUN; tX=1; scur=0; tran=1;
#endif
    }
#endif
   /* memory lost with a host: both sides reached, both journals closed, nothing runs: new grant, cold boot at the owner */
 :: d_step { SALIVE && TALIVE && link && svm==NONE && tvm==NONE && !sNext && !tNext && SXLGONE && TXLGONE && CLOSED && tj!=T_UNKNOWN ->
      assert(!scur && !tcur); ordered=1;
      if :: (fo==1 || (fo==0 && (sj==S_ABORT || sj==S_RECLAIM))) -> printf("COORD: cold boot on source\n"); slate=0; svm=RUN; scur=1; arb=1
         :: else -> printf("COORD: cold boot on target\n"); tvm=RUN; tX=1; tcur=1; arb=2 fi; sj=S_FO; tj=T_FO; mSup=1; if :: fo==0 -> fo=(tvm==RUN -> 2 : 1) :: else fi; own(5,fo) }
#endif
#ifdef A_SELFCOLD
 :: d_step { SALIVE && svm==NONE && smv==REC && (sj==S_ABORT||sj==S_RECLAIM) -> printf("SRC(A7): owner by its own journal: cold-boots\n"); assert(tvm!=RUN); svm=RUN; scur=1; tcur=0 }
 :: d_step { TALIVE && tvm==NONE && tmv==REC && tj==T_RUNNING -> printf("TGT(A7): owner by its own journal: cold-boots\n"); assert(svm!=RUN); tvm=RUN; tX=1; tran=1; scur=0; tcur=1 }
#endif

 /* =================== faults =================== */
 :: d_step { smv!=DEAD && f<F -> f++; printf("FAULT source mover crashes\n"); smv=DEAD }
 :: d_step { tmv!=DEAD && f<F -> f++; printf("FAULT target mover crashes\n"); tmv=DEAD }
 :: d_step { smv==DEAD && sup -> printf("source mover restarts\n"); smv=REC; sReadyGot=0 }
 :: d_step { tmv==DEAD && tup -> printf("target mover restarts\n"); tmv=REC }
 :: d_step { sup && f<F -> f++; printf("FAULT source host crashes\n"); if :: (sj==S_RECLAIM && scur) -> sRecLost=1 :: else fi; sup=0; smv=DEAD; svm=NONE; scur=0; sxl=X_NO; saway=0; slate=0 }
 :: d_step { tup && f<F -> f++; printf("FAULT target host crashes\n"); tup=0; tmv=DEAD; tvm=NONE; tcur=0; txl=X_NO; tX=0; if :: tj==T_GO -> tGoLost=1 :: else fi }
#ifdef JLOSS
 :: d_step { !tup && f<F && tj!=T_UNKNOWN -> f++; printf("FAULT target's journal lost\n"); tj=T_UNKNOWN }
#endif
 :: d_step { !sup && !perm -> printf("source host boots (new boot_id)\n"); sup=1 }
 :: d_step { !tup && !perm -> printf("target host boots (new boot_id)\n"); tup=1 }
 :: d_step { link && f<F -> f++; printf("FAULT link cut\n"); link=0 }
 :: d_step { !link && !perm -> printf("link heals\n"); link=1 }
 :: d_step { mRel && f<F -> f++; printf("FAULT Release lost\n"); mRel=0 }
 :: d_step { mAcc && f<F -> f++; printf("FAULT Accept lost\n"); mAcc=0 }
 :: d_step { mRef && f<F -> f++; printf("FAULT Refuse lost\n"); mRef=0 }
 :: d_step { mRet && f<F -> f++; printf("FAULT Return lost\n"); mRet=0 }
 :: d_step { mRecl && f<F -> f++; printf("FAULT Reclaimed lost\n"); mRecl=0 }
 :: d_step { mAbort && f<F -> f++; printf("FAULT Abort lost\n"); mAbort=0 }
#ifdef PERM
 :: d_step { !perm && (!sup || !tup || !link) -> printf("(what is down now stays down)\n"); perm=1 }
#endif
 :: else -> break
 od; skip;
 d_step {
  printf("END svm=%d tvm=%d sj=%d tj=%d sxl=%d txl=%d arb=%d saway=%d\n",svm,tvm,sj,tj,sxl,txl,arb,saway);
#ifdef NOEND
  assert(true
#elif defined(NOCOORD)
  assert(END_S || END_T || (W_COLD && CLOSED)
#else
  assert(END_S || END_T
#endif
#ifdef JLOSS
     || W_JLOSS || tj==T_UNKNOWN
#endif
#ifdef PERM
     || (perm && (W_COLD || W_TGONE || W_SGONE || W_JLOSS || W_REFK || W_RUNS || W_GOLOST))
#endif
  );
#define NOBODY (svm!=RUN && tvm!=RUN && !sNext && !tNext)
#if SHOW==1
#define WIT (NOBODY && W_COLD)
#elif SHOW==2
#define WIT (NOBODY && W_TGONE && !W_COLD && sj==S_COMMIT && arb==0)
#elif SHOW==3
#define WIT (NOBODY && W_SGONE && !W_TGONE)
#elif SHOW==4
#define WIT (NOBODY && W_JLOSS && !perm)
#elif SHOW==5
#define WIT (NOBODY && W_REFK && !W_TGONE && !W_SGONE)
#elif SHOW==6
#define WIT (W_RUNS && !END_S && !END_T)
#elif SHOW==7
#define WIT (NOBODY && W_GOLOST && !W_TGONE)
#elif SHOW==8   /* with ARB: target had preempted, then unreachable */
#define WIT (NOBODY && W_TGONE && arb==2)
#elif SHOW==9   /* nobody, and none of the above */
#define WIT (NOBODY && !W_COLD && !W_TGONE && !W_SGONE && !W_JLOSS && !W_REFK && !W_GOLOST)
#elif SHOW==11
#define WIT (END_T)
#elif SHOW==12
#define WIT (END_S && committed)
#elif SHOW==13
#define WIT (END_T && o[3]==2 && o[5]==0)  /* saved by the second Release */
#elif SHOW==10  /* memory lost, nothing is down any more */
#define WIT (NOBODY && W_COLD && !perm)
#endif
#ifdef SHOW
  assert(!WIT);
#endif
 }
}
