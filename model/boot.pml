/*
 * boot.pml - who may start a VM whose memory died with a host (cold boot), as a Promela model (spin 6.5)
 *
 * saga.pml is about one move; here no move is under way, or only one that a host held when it lost its power. Both hosts may
 * lose power, several times, in any order; the coordinator may be gone; its orders may come late, twice, or to a host that
 * has been fenced and is back. HOW TO READ and HOW TO RUN are as in saga.pml; check_all.sh runs both.
 *
 * THE RULES
 *  1 A booted host starts nothing from its own journal alone. What ran when it went down is told as lost.
 *  2 The coordinator picks an epoch above all that it has handed out (e+4), asks every other side to yield, and grants the
 *    boot only when each has journalled that (or is fenced). A side that runs the VM does not yield.
 *  3 The grant names the boot of the host that may: after another power cut it is void. So is all below what a host has
 *    yielded to, and a host keeps one record for each boot: a second copy of a grant starts nothing.
 *  4 Fence evidence is about one boot of a host: its power was off after it.
 *  5 With the coordinator gone (or not in reach) a booted host that owns the highest epoch asks its peer to yield to it,
 *    and starts the VM when that has journalled it. The peer remembers which boot it yielded to: it takes no grant whose
 *    evidence about that host is of an earlier boot; the host itself takes no grant any more in the boot in which it
 *    started the VM by itself (unless a move above that epoch has begun since): it may be one from before.
 *    The code asks every host that the coordinator could give the VM to, of a list that the coordinator has journalled; a
 *    fenced host's VM goes to none that its list does not name. So the two hosts here stand for the owner and whoever may
 *    have been given the VM. And it is stricter: a peer that holds a copy says nothing until the move that brought it has ended.
 *
 * OPTIONS   -DF=n  power cuts (default 3)    -DNOCOORD  no coordinator   -DNOPEER  hosts do not ask each other
 * PLANTED   -DA_SELFCOLD (1)  -DB_NOYIELD  granted before the others have yielded (2)   -DB_BOOTID  grant not bound to a boot (3)
 *           -DB_VOID  a move below what was yielded to is still taken (3)   -DB_TWICE  a second copy starts it again (3)
 *           -DB_FENCE  silence is taken for evidence (4)   -DB_STALE  evidence of an earlier boot counts (5)
 *           -DB_SELF  a grant from before its own start is taken after it (5)
 *           -DB_RUNS  a side that runs it yields all the same (2)
 *           -DB_PROOF  yields to whatever epoch is asked for (6, HOSTILE)   -DB_LIFT  floor lifted early (6)
 */
#ifndef F
#define F 3
#endif
#define OTHER(h) (1-(h))
#define NONE 0
#define RUN 1
#define COPY 2          /* complete, not running: a READY copy, or a source's suspended one */

byte up[2]=1, bid[2]=1, vm[2]=NONE;
/* journals: epoch that the host owns, epoch below which all is void, boot in which it last saw the VM run (0: it ended) */
byte own[2]=0, yielded[2]=0, seen[2]=0;
byte bootRec[2]=0;                        /* highest BOOT record */
byte self[2]=0;                           /* boot in which it started the VM on the word of its peer */
byte yieldedTo[2]=0;                      /* boot of the peer to whose own start it yielded; 0: to none */
/* coordinator: journalled, so a crash of it is a delay */
byte cState=0, cE=0, cAt=0, cBid=0, cLast=4, cEv=0;
bit  cYielded=0;
byte kb[2]=1, fE[2]=0;                    /* boot in which it last heard a host, and boot that its fence evidence is about */
bit  stop[2]=0;                           /* a host has refused for what it yielded to: the operator must see to that first */
/* the hostile host: epoch that a host has yielded to it, plus 1; its boot is over, and known to be */
byte hTo[2]=0; bit hAsked[2]=0, hOver=0;
byte lifts=0;
/* messages: set = sent; delivered at any later time, any number of times */
byte mY[2]=0, mYE[2]=0;                   /* yield to epoch mYE */
byte mB[2]=0, mBbid[2]=0, mBev[2]=0;      /* boot grant: epoch, boot it names, boot of the other side that its evidence is about */
bit  mMove=1;                             /* an old move grant, epoch 4, host 0 to host 1, still under way somewhere */
bit  mP[2]=0; byte mPE[2]=0, mPbid[2]=0;  /* peer h asks the other to yield to epoch mPE, in boot mPbid */
bit  mPA[2]=0; byte mPAbid[2]=0;          /* the other has yielded to h's boot */
byte f=0; bit ended=0;                    /* ended: the guest powered itself off on a living host */
bit  told=0, hand=0;
bit  between=0;                           /* the old move is between COMMIT and ACCEPT: what becomes of it is saga.pml's business */

inline start(h) { assert(vm[OTHER(h)]!=RUN); assert(!ended); vm[h]=RUN; seen[h]=bid[h] }
#define NEXT (cLast+4)
#define LOST(h) (up[h] && vm[h]==NONE && seen[h]!=0 && seen[h]!=bid[h])
#define OWNER(h) (own[h]>own[OTHER(h)])
#define HEARD(h) (up[h] && kb[h]==bid[h])
#define FENCED(h) (fE[h]==kb[h] && !HEARD(h))
#ifdef B_PROOF
#define PROVEN 200
#else
#define PROVEN 0
#endif

active proctype all() {
 d_step { vm[0]=RUN; own[0]=4; seen[0]=1; vm[1]=COPY }
 do
 /* ---------------- the coordinator ---------------- */
#ifndef NOCOORD
 /* host h has told that the VM died with it; it owns the highest epoch that anybody knows of (own of the other is in the
    coordinator's own journal: the end of each move is) */
 :: d_step { cState==0 && HEARD(0) && !stop[0] && LOST(0) && OWNER(0) && vm[1]!=RUN -> printf("COORD: VM lost with host 0: boot there\n"); cState=1; cAt=0; cBid=bid[0]; cE=NEXT; cLast=cE; cYielded=0 }
 :: d_step { cState==0 && HEARD(1) && !stop[1] && LOST(1) && OWNER(1) && vm[0]!=RUN -> printf("COORD: VM lost with host 1: boot there\n"); cState=1; cAt=1; cBid=bid[1]; cE=cLast+4; cLast=cE; cYielded=0 }
 /* failover: the owner is off; the other is up */
 :: d_step { cState==0 && FENCED(0) && HEARD(1) && !stop[1] && vm[1]!=RUN && OWNER(0) && seen[0]!=0 -> printf("COORD: host 0 fenced: boot on host 1\n"); cState=1; cAt=1; cBid=bid[1]; cE=cLast+4; cLast=cE; cYielded=1; cEv=fE[0] }
 :: d_step { cState==0 && FENCED(1) && HEARD(0) && !stop[0] && vm[0]!=RUN && OWNER(1) && seen[1]!=0 -> printf("COORD: host 1 fenced: boot on host 0\n"); cState=1; cAt=0; cBid=bid[0]; cE=cLast+4; cLast=cE; cYielded=1; cEv=fE[1] }
 :: d_step { up[0] && kb[0]<bid[0] -> printf("COORD: hears host 0\n"); kb[0]=bid[0]; stop[1]=0 }
 :: d_step { up[1] && kb[1]<bid[1] -> printf("COORD: hears host 1\n"); kb[1]=bid[1]; stop[0]=0 }
 :: d_step { !up[0] && fE[0]<kb[0] -> printf("somebody sees that host 0 is off\n"); fE[0]=kb[0] }
 :: d_step { !up[1] && fE[1]<kb[1] -> printf("somebody sees that host 1 is off\n"); fE[1]=kb[1] }
#ifdef B_FENCE
 :: d_step { cState==0 && up[0] && up[1] && OWNER(0) && seen[0]!=0 -> printf("COORD(bug): host 0 is silent: boot on host 1\n"); cState=1; cAt=1; cBid=bid[1]; cE=NEXT; cLast=cE; cYielded=1; cEv=bid[0] }
#endif
 :: d_step { cState==1 && !cYielded && (!mY[OTHER(cAt)] || mYE[OTHER(cAt)]!=cE) -> mY[OTHER(cAt)]=1; mYE[OTHER(cAt)]=cE }
 /* while it waits for the word of a side, that may turn out to be off */
 :: d_step { cState==1 && !cYielded && FENCED(OTHER(cAt)) -> printf("COORD: the other side is off\n"); cYielded=1; cEv=fE[OTHER(cAt)] }
#ifdef B_NOYIELD
 :: d_step { cState==1 -> mB[cAt]=cE; mBbid[cAt]=cBid; mBev[cAt]=bid[OTHER(cAt)]; cState=2 }
#else
 :: d_step { cState==1 && cYielded -> printf("COORD: grants boot at epoch %d on host %d\n",cE,cAt); mB[cAt]=cE; mBbid[cAt]=cBid; mBev[cAt]=cEv; cState=2 }
#endif
 /* the host has answered: booted, or refused for good (a record of it: a late copy starts nothing); or it has another boot */
 :: d_step { cState==2 && up[cAt] && (bootRec[cAt]>=cE || kb[cAt]!=cBid || yielded[cAt]>cE) -> cState=0; stop[cAt]=(bootRec[cAt]>=cE && own[cAt]<cE && (hTo[cAt] || yieldedTo[cAt])) }
 :: d_step { cState==2 && FENCED(cAt) -> printf("COORD: host %d is off: its grant is void\n",cAt); cState=0 }
 /* a side refused to yield: the VM runs there, or ended */
 :: d_step { cState==1 && (vm[0]==RUN || vm[1]==RUN || ended) && HEARD(OTHER(cAt)) -> cState=0 }
#endif
#ifdef B_RUNS
#define QUIET(h) 1
#else
#define QUIET(h) (vm[h]!=RUN)
#endif
 /* ---------------- hosts: orders ---------------- */
 :: d_step { mY[0] && up[0] && yielded[0]<mYE[0] && own[0]<mYE[0] && QUIET(0) -> printf("host 0 yields to %d\n",mYE[0]); yielded[0]=mYE[0]; if :: vm[0]==COPY -> vm[0]=NONE :: else fi; if :: cState==1 && cE==mYE[0] && cAt==1 -> cYielded=1; cEv=bid[0] :: else fi }
 :: d_step { mY[1] && up[1] && yielded[1]<mYE[1] && own[1]<mYE[1] && QUIET(1) -> printf("host 1 yields to %d\n",mYE[1]); yielded[1]=mYE[1]; if :: vm[1]==COPY -> vm[1]=NONE :: else fi; if :: cState==1 && cE==mYE[1] && cAt==0 -> cYielded=1; cEv=bid[1] :: else fi }
#ifdef B_BOOTID
#define BOUND(h) 1
#else
#define BOUND(h) (mBbid[h]==bid[h])
#endif
#ifdef B_TWICE
#define ONCE(h) (bootRec[h]<=mB[h])
#else
#define ONCE(h) (bootRec[h]<mB[h])
#endif
#ifdef B_STALE
#define FRESH(h) 1
#else
#define FRESH(h) (yieldedTo[h]==0 || mBev[h]>=yieldedTo[h])
#endif
#define ABOVE(h) (own[h]<mB[h])
#ifdef B_SELF
#define NOTSELF(h) 1
#else
#define NOTSELF(h) (self[h]!=bid[h])
#endif
/* its evidence says nothing of the hostile host, which never had the VM */
#define FRESHH(h) (hTo[h]==0 || hTo[h]<=own[h])
#define TAKES(h) (NOTSELF(h) && FRESH(h) && FRESHH(h) && (ABOVE(h) || bootRec[h]==mB[h]) && yielded[h]<=mB[h] && vm[h]!=RUN)
 :: d_step { mB[0] && up[0] && BOUND(0) && ONCE(0) && TAKES(0) ->
      printf("host 0: journal BOOT %d, starts the VM\n",mB[0]); bootRec[0]=mB[0]; own[0]=mB[0]; start(0) }
 :: d_step { mB[1] && up[1] && BOUND(1) && ONCE(1) && TAKES(1) ->
      printf("host 1: journal BOOT %d, starts the VM\n",mB[1]); bootRec[1]=mB[1]; own[1]=mB[1]; start(1) }
 /* refused for good: the record of it keeps a later copy from starting anything */
 :: d_step { mB[0] && up[0] && BOUND(0) && bootRec[0]<mB[0] && !TAKES(0) -> printf("host 0: refuses boot %d\n",mB[0]); bootRec[0]=mB[0] }
 :: d_step { mB[1] && up[1] && BOUND(1) && bootRec[1]<mB[1] && !TAKES(1) -> printf("host 1: refuses boot %d\n",mB[1]); bootRec[1]=mB[1] }
#ifdef A_SELFCOLD
 :: d_step { LOST(0) -> printf("host 0(A7): starts it from its own journal\n"); start(0) }
 :: d_step { LOST(1) -> printf("host 1(A7): starts it from its own journal\n"); start(1) }
#endif
 /* the old move: its Release (epoch 5) is out, and the READY copy at host 1 may take it, once, if the source let go */
#define NOTVOID (yielded[1]<=5 && own[1]<=5)
#ifdef B_VOID
#define ADMIT 1
#else
/* its own start has closed the old move at host 0: no order opens it again */
#define ADMIT (own[0]<=4 && yielded[0]<=4 && own[1]<=4 && yielded[1]<=4 && self[0]==0)
#endif
 :: d_step { mMove && up[0] && up[1] && vm[0]==RUN && own[0]==4 && yielded[0]<=4 && vm[1]==COPY -> printf("old move: host 0 suspends, COMMIT, Release\n"); vm[0]=COPY; seen[0]=0; own[0]=4; mMove=0; told=1; between=1 }
 :: d_step { told && up[1] && vm[1]==COPY && NOTVOID -> printf("old move: host 1 accepts at epoch 5 and runs\n"); told=0; between=0; own[1]=5; vm[1]=RUN; assert(vm[0]!=RUN); seen[1]=bid[1]; if :: vm[0]==COPY -> vm[0]=NONE :: else fi }
 /* or all of it late, from the grant on: the orders to prepare and to start were under way for long, in sessions of these boots */
 :: d_step { mMove && HEARD(0) && HEARD(1) && vm[0]==RUN && vm[1]==NONE && ADMIT -> printf("a late order: the old move runs from beginning to end\n"); mMove=0; vm[0]=NONE; seen[0]=0; vm[1]=RUN; own[1]=5; seen[1]=bid[1] }
 /* an operator starts it by hand, beside us: not after this side has yielded, or while it counts as off: then nobody could help */
 :: d_step { !hand && !ended && up[1] && !FENCED(1) && vm[1]==NONE && vm[0]==NONE && (cState==0 || (cState==1 && cAt==0 && !cYielded)) && !mP[0] && !mP[1] && (!up[0] || bid[0]>mBbid[0] || bootRec[0]>=mB[0]) -> printf("somebody starts the VM by hand on host 1\n"); hand=1; vm[1]=RUN; seen[1]=bid[1] }
 /* ---------------- hosts among themselves ---------------- */
#ifndef NOPEER
 :: d_step { LOST(0) && !mP[0] && own[0]>0 && yielded[0]<=own[0] -> printf("host 0 asks host 1 to yield to %d\n",own[0]); mP[0]=1; mPE[0]=own[0]; mPbid[0]=bid[0]; mPA[0]=0 }
 :: d_step { LOST(1) && !mP[1] && own[1]>0 && yielded[1]<=own[1] -> printf("host 1 asks host 0 to yield to %d\n",own[1]); mP[1]=1; mPE[1]=own[1]; mPbid[1]=bid[1]; mPA[1]=0 }
 /* the peer owns less, runs nothing, and has begun nothing by a grant; a grant that it takes later must know this boot */
 :: d_step { mP[0] && up[1] && own[1]<mPE[0] && yielded[1]<=mPE[0] && vm[1]!=RUN -> printf("host 1 yields to host 0\n"); yielded[1]=mPE[0]; yieldedTo[1]=mPbid[0]; mPA[0]=1; mPAbid[0]=mPbid[0]; told=0; if :: vm[1]==COPY -> vm[1]=NONE :: else fi }
 :: d_step { mP[1] && up[0] && own[0]<mPE[1] && yielded[0]<=mPE[1] && vm[0]!=RUN -> printf("host 0 yields to host 1\n"); yielded[0]=mPE[1]; yieldedTo[0]=mPbid[1]; mPA[1]=1; mPAbid[1]=mPbid[1]; if :: vm[0]==COPY -> vm[0]=NONE :: else fi }
 :: d_step { mPA[0] && LOST(0) && mPAbid[0]==bid[0] && yielded[0]<=own[0] -> printf("host 0: the peer has yielded: starts the VM at its own epoch\n"); mPA[0]=0; mP[0]=0; self[0]=bid[0]; start(0) }
 :: d_step { mPA[1] && LOST(1) && mPAbid[1]==bid[1] && yielded[1]<=own[1] -> printf("host 1: the peer has yielded: starts the VM at its own epoch\n"); mPA[1]=0; mP[1]=0; self[1]=bid[1]; start(1) }
#endif
#ifdef HOSTILE
 /* only a host that owns less than was proven, and never saw it run, yields to it */
/* beyond what was handed out no grant would count for it any more */
#define GIVES(h) (up[h] && !hAsked[h] && own[h]<=PROVEN && (own[h]<PROVEN || own[h]==0) && seen[h]==0 && vm[h]==NONE && yielded[h]<=PROVEN)
 :: d_step { GIVES(0) -> printf("host 0 yields to H, to %d\n",PROVEN); assert(PROVEN<=cLast); hAsked[0]=1; hTo[0]=PROVEN+1; yielded[0]=PROVEN }
 :: d_step { GIVES(1) -> printf("host 1 yields to H, to %d\n",PROVEN); assert(PROVEN<=cLast); hAsked[1]=1; hTo[1]=PROVEN+1; yielded[1]=PROVEN }
 :: d_step { !hOver && (hTo[0] || hTo[1]) -> printf("H is fenced\n"); hOver=1 }
#endif
#ifndef NOCOORD
 /* ---------------- the operator lifts what a host has yielded to ---------------- */
#ifdef B_LIFT
#define OVER(h) 1
#else
#define OVER(h) ((hTo[h]==0 || hOver) && (yieldedTo[h]==0 || (FENCED(OTHER(h)) && fE[OTHER(h)]>=yieldedTo[h]) || (HEARD(OTHER(h)) && kb[OTHER(h)]>yieldedTo[h])))
#endif
#define LIFTS(h) (cState==0 && HEARD(h) && (hTo[h] || yieldedTo[h]) && lifts<3 && OVER(h))
 :: d_step { LIFTS(0) -> lifts++; cLast=NEXT; printf("host 0: its floor is lifted, to %d\n",cLast); yielded[0]=cLast; hTo[0]=0; yieldedTo[0]=0; stop[0]=0 }
 :: d_step { LIFTS(1) -> lifts++; cLast=NEXT; printf("host 1: its floor is lifted, to %d\n",cLast); yielded[1]=cLast; hTo[1]=0; yieldedTo[1]=0; stop[1]=0 }
#endif
 /* ---------------- what happens ---------------- */
 :: d_step { up[0] && f<F -> f++; printf("POWER CUT host 0\n"); up[0]=0; vm[0]=NONE }
 :: d_step { up[1] && f<F -> f++; printf("POWER CUT host 1\n"); up[1]=0; vm[1]=NONE }
 :: d_step { !up[0] -> printf("host 0 boots\n"); up[0]=1; bid[0]++; mP[0]=0; mPA[0]=0 }
 :: d_step { !up[1] -> printf("host 1 boots\n"); up[1]=1; bid[1]++; mP[1]=0; mPA[1]=0 }
 :: d_step { up[0] && vm[0]==RUN && !ended && f<F -> f++; printf("the guest powers itself off on host 0\n"); vm[0]=NONE; seen[0]=0; ended=1 }
 :: else -> break
 od; skip;
 d_step {
  printf("END vm %d %d up %d %d own %d %d yielded %d %d seen %d %d\n",vm[0],vm[1],up[0],up[1],own[0],own[1],yielded[0],yielded[1],seen[0],seen[1]);
  /* never none, unless the guest wanted it, or the old move was cut off between COMMIT and ACCEPT */
  assert(vm[0]==RUN || vm[1]==RUN || ended || between)
 }
}
