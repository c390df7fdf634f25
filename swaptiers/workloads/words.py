"""Common English words and phrases, the most frequent first: what `text` and `json` pages are made of."""

WORDS = tuple(
    b"""the of and to a in is that it was for on with as be at by this had not are but from or have an they which one
you were all her she there would their we him been has when who will no more if out so said what up its about than into
them can only other time new some could these two may first then do any like my now over such our man me even most
made after also did many before must through back years where much your way well down should because each just those
people how too little state good very make world still see own men work long here get both between life being under
never day same another know while last might great old year off come since against go came right used take three
page memory swap process kernel system number part high place number water small house during without again home
around however school small found thought went say general once upon war every does got united left number course
night until always away something fact though less public put think almost hand enough far took head yet government
set better told nothing end why called eyes find going look asked later knew point next program city business give
group toward young days let room present side social given several order national possible rather second face per
among form important often things looked early white case large big need four within felt along children saw best
church ever least power development light thing seemed family interest want members mind country area others done
turned although open service certain kind problem began different door thus help sense means whole matter address
value report request message server client error cluster account customer delivery invoice warehouse statistics
temperature configuration""".split()
)

PHRASES = (
    b"of the",
    b"in the",
    b"to the",
    b"and the",
    b"on the",
    b"it is",
    b"there was",
    b"at the same time",
    b"as well as",
    b"one of the",
    b"in order to",
    b"a number of",
)
