// Pages are complete without this script.
"use strict";

// Moments are written in the site's time. The reader's own time is in the tooltip.
document.addEventListener("pointerover", ({ target }) => {
  const time = target.closest("time[datetime]:not([title])");
  const moment = new Date(time?.dateTime);
  if (!Number.isNaN(moment.getTime())) {
    time.title = moment.toLocaleString();
  }
});
