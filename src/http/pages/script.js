// Pages are complete without this script.
"use strict";

// Moments are written in the site's time. The reader's own time is in the tooltip.
for (const time of document.querySelectorAll("time[datetime]")) {
  const moment = new Date(time.dateTime);
  if (!time.title && !Number.isNaN(moment.getTime())) {
    time.title = moment.toLocaleString();
  }
}
