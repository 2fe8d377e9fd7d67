"""The layers around every route: the edge, browsers of other origins, compression, short ways."""
