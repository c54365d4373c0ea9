@rem Scripts that run until they are stopped begin with exec: sh becomes the command, and npm's signals reach it.
@rem cmd.exe has no exec. This file stands in for it.
@%*
