"""`make demo`: the real handlers over the sample events, against a stand-in of the RTC API."""
